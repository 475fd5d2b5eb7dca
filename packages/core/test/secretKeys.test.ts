import { assert, describe, it } from "@effect/vitest"
import { LaunchState, ScreenConfig, SessionProfile } from "../src/LaunchState.ts"
import { isSecretKey, withoutSecrets } from "../src/secretKeys.ts"
import { Session } from "../src/Session.ts"

describe("isSecretKey", () => {
  const secret = [
    ["token", "wsEndpoint", "webdriverEndpoint", "computerActionEndpoint", "liveUrl", "proxyServerPassword"],
    [
      "TOKEN",
      "accessToken",
      "refresh_token",
      "token2",
      "LiveURL",
      "live_url",
      "live-url",
      "cdpEndpoint",
      "ws_endpoint"
    ],
    ["clientSecret", "secretName", "password", "smtpPasswd", "credentials", "apiKey", "x-api-key", "Authorization"]
  ].flat()
  for (const name of secret) it(`takes ${name} for a secret`, () => assert.isTrue(isSecretKey(name)))

  const harmless = [
    "sessionUrl",
    "creditBreakdown",
    "creditsUsed",
    "duration",
    "liveDomain",
    "endpointCount",
    "url",
    ""
  ]
  for (const name of harmless) it(`lets ${JSON.stringify(name)} pass`, () => assert.isFalse(isSecretKey(name)))

  it("takes no key of the contract for a secret", () => {
    const structs = [Session, LaunchState, ScreenConfig, SessionProfile]
    const names = structs.flatMap((struct) => Object.keys(struct.schema.fields))
    assert.include(names, "disablePasswordManager")
    assert.deepStrictEqual(names.filter(isSecretKey), [])
  })
})

describe("withoutSecrets", () => {
  it("drops secret keys at any depth, whatever their value", () => {
    const record = JSON.parse(`{
      "id": "s1", "token": "t", "wsEndpoint": null, "liveUrl": {"url": "u"}, "__proto__": {"token": "t", "a": 1},
      "launchState": {"proxyServerPassword": "p", "useProxy": true, "screen": {"width": 1}},
      "tabs": [1, {"LIVE_URL": "u", "title": "a"}, [[{"secret": 1}]]]
    }`)
    const kept = `{"id":"s1","__proto__":{"a":1},"launchState":{"useProxy":true,"screen":{"width":1}},"tabs":[1,{"title":"a"},[[{}]]]}`
    assert.strictEqual(JSON.stringify(withoutSecrets(record)), kept)
    assert.strictEqual(record.launchState.proxyServerPassword, "p", "the record itself stays as it was")
  })

  it("returns what holds no secret as it is", () => {
    const record = { id: "s1", nested: { list: [1, null, { a: Number.NaN }] } }
    assert.strictEqual(withoutSecrets(record), record)
    assert.strictEqual(withoutSecrets({ token: 1, nested: record }).nested, record, "nor its parts")
  })
})
