/**
 * Where the credentials and the settings of the object store come from.
 */
import { assert, describe, it } from "@effect/vitest"
import { toAppError as shown } from "@hb-sessions/app-kit/AppError"
import { Effect, Result } from "effect"
import { once } from "node:events"
import { writeFileSync } from "node:fs"
import { createServer, type IncomingHttpHeaders } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { S3Client } from "../src/s3/S3Client.ts"
import { toAppError } from "../src/s3/S3Error.ts"
import { store, withClient } from "./s3.ts"
import { scratch } from "./support.ts"

const put = S3Client.use((s3) => Effect.asVoid(s3.put("a", "x")))

/** The exit code and the message of what fails; `works` if nothing does. */
const outcome = (environment: Readonly<Record<string, string>>) =>
  Effect.map(Effect.result(put.pipe(withClient({ environment, limits: { retries: 2 } }))), (result) => {
    if (Result.isSuccess(result)) return "works"
    const error = result.failure
    const { exitCode, message } = error._tag === "S3Error" ? toAppError(error) : shown(error)
    assert.notMatch(message, /canary|\n/)
    return `${exitCode} ${message}`
  })

interface Seen {
  readonly headers: IncomingHttpHeaders
  readonly url: string
  readonly body: string
}

/** A service that gives credentials. */
const service = (answer: (seen: Seen, count: number) => { readonly status?: number; readonly body: string }) =>
  Effect.gen(function* () {
    const seen: Array<Seen> = []
    const server = createServer((request, response) => {
      void text(request).then((body) => {
        const one = { headers: request.headers, url: request.url ?? "", body }
        seen.push(one)
        const { body: said, status = 200 } = answer(one, seen.length)
        return response.writeHead(status).end(said)
      })
    })
    yield* Effect.acquireRelease(
      Effect.promise(() => once(server.listen(0, "127.0.0.1"), "listening")),
      () => Effect.sync(() => server.close())
    )
    return { seen, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
  })

const keys = { accessKeyId: "key-1", secretAccessKey: "secret-canary", sessionToken: "token-canary" }

const inMinutes = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString()

const asJson = (minutes: number) =>
  JSON.stringify({
    AccessKeyId: keys.accessKeyId,
    SecretAccessKey: keys.secretAccessKey,
    Token: keys.sessionToken,
    Expiration: inMinutes(minutes)
  })

const asXml = (minutes: number) =>
  `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>${keys.accessKeyId}</AccessKeyId><SecretAccessKey>${keys.secretAccessKey}</SecretAccessKey><SessionToken>${keys.sessionToken}</SessionToken><Expiration>${inMinutes(minutes)}</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`

describe("the variables", () => {
  it.live("give the keys, the region and the endpoint, as every client of S3 reads them", () =>
    Effect.gen(function* () {
      const { environment } = yield* store({ region: "eu-west-3" })
      const { AWS_ENDPOINT_URL_S3: url = "", AWS_REGION: _, ...others } = environment
      const all = { ...others, AWS_ENDPOINT_URL: url, AWS_DEFAULT_REGION: "eu-west-3" }
      assert.strictEqual(yield* outcome(all), "works")
      const preferred = { AWS_ENDPOINT_URL: "http://127.0.0.1:1", AWS_ENDPOINT_URL_S3: url, AWS_REGION: "eu-west-3" }
      assert.strictEqual(yield* outcome({ ...others, ...preferred, AWS_DEFAULT_REGION: "us-east-1" }), "works")
      const untidy = { AWS_ACCESS_KEY_ID: ` ${others["AWS_ACCESS_KEY_ID"]}\n`, AWS_SESSION_TOKEN: "" }
      assert.strictEqual(yield* outcome({ ...all, ...untidy }), "works")
    }).pipe(Effect.scoped)
  )

  it.live("are named when they are missing or cannot be used", () =>
    Effect.gen(function* () {
      const { environment } = yield* store()
      const { AWS_ACCESS_KEY_ID: keyId = "", AWS_SECRET_ACCESS_KEY: secret = "", ...others } = environment
      for (const [variables, wanted] of [
        [{}, /^3 .*no credentials for the object store: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY/],
        [{ AWS_ACCESS_KEY_ID: keyId }, /^3 .*AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not/],
        [
          { AWS_ACCESS_KEY_ID: "", AWS_SECRET_ACCESS_KEY: secret },
          /^3 .*AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not/
        ],
        [
          { AWS_ACCESS_KEY_ID: keyId, AWS_SECRET_ACCESS_KEY: "canary\ncanary" },
          /^3 .*AWS_SECRET_ACCESS_KEY contains a space or another character/
        ],
        [{ AWS_REGION: "a/b" }, /^2 AWS_REGION is not the name of a region/],
        [{ AWS_ENDPOINT_URL_S3: "store.example:9000" }, /^2 AWS_ENDPOINT_URL_S3 is not a URL with http/],
        [
          { AWS_ENDPOINT_URL_S3: "http://me:canary@store.example" },
          /^2 AWS_ENDPOINT_URL_S3 contains a user or a password/
        ],
        [{ AWS_ENDPOINT_URL_S3: "http://store.example/?canary" }, /^2 AWS_ENDPOINT_URL_S3 contains a query/]
      ] as const) {
        assert.match(yield* outcome({ ...others, ...variables }), wanted)
      }
    }).pipe(Effect.scoped)
  )
})

describe("the credentials of a container", () => {
  it.live("are fetched once for all, with the token, and again before they expire", () =>
    Effect.gen(function* () {
      const peer = yield* store(keys)
      const tokenFile = join(yield* scratch, "token")
      writeFileSync(tokenFile, "first-canary\n")
      const source = yield* service((_, count) => ({ body: asJson(count === 1 ? 60 : 4) }))
      const environment = {
        AWS_ENDPOINT_URL_S3: peer.endpoint,
        AWS_CONTAINER_CREDENTIALS_FULL_URI: `${source.url}/creds?a=b`,
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: tokenFile
      }
      yield* Effect.gen(function* () {
        yield* Effect.all([put, put, put, put], { concurrency: "unbounded" })
        assert.lengthOf(source.seen, 1)
        // What the store rejects is fetched anew, with the token as it is now.
        writeFileSync(tokenFile, "second-canary")
        peer.setExpired(true)
        peer.setHook(({ number }) => {
          if (number === 6) peer.setExpired(false)
        })
        yield* put
        assert.lengthOf(source.seen, 2)
        // They are about to expire now.
        yield* put
      }).pipe(withClient({ environment }))
      assert.deepStrictEqual(
        source.seen.map(({ headers, url }) => [url, headers.authorization]),
        [
          ["/creds?a=b", "first-canary"],
          ["/creds?a=b", "second-canary"],
          ["/creds?a=b", "second-canary"]
        ]
      )
    }).pipe(Effect.scoped)
  )

  it.live("serve until they expire if there are no others", () =>
    Effect.gen(function* () {
      const peer = yield* store(keys)
      const source = yield* service((_, count) => (count === 1 ? { body: asJson(4) } : { status: 500, body: "" }))
      const environment = { AWS_ENDPOINT_URL_S3: peer.endpoint, AWS_CONTAINER_CREDENTIALS_FULL_URI: source.url }
      yield* Effect.andThen(put, put).pipe(withClient({ environment, limits: { retries: 0 } }))
      assert.lengthOf(source.seen, 2)
    }).pipe(Effect.scoped)
  )

  it.live("are missed with the name of the variable", () =>
    Effect.gen(function* () {
      const peer = yield* store(keys)
      const FULL = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
      const result = (variables: Record<string, string>) =>
        outcome({ AWS_ENDPOINT_URL_S3: peer.endpoint, ...variables })
      for (const [status, body, wanted] of [
        [200, "<html>", /^3 .*what AWS_CONTAINER_CREDENTIALS_FULL_URI names returned no credentials/],
        [200, "{}", /^3 .*returned no credentials/],
        [403, "", /^3 .*rejected the credentials \(HTTP 403\); check AWS_CONTAINER_CREDENTIALS_FULL_URI/],
        [503, "", /^74 .*after 3 attempts \(HTTP 503 for AWS_CONTAINER_CREDENTIALS_FULL_URI\)/]
      ] as const) {
        const source = yield* service(() => ({ status, body }))
        assert.match(yield* result({ [FULL]: source.url }), wanted)
      }
      assert.match(yield* result({ [FULL]: "http://store.example/" }), /^3 .*FULL_URI names a host that needs https/)
      assert.match(yield* result({ [FULL]: "here" }), /^3 .*FULL_URI is not a URL/)
      const { url } = yield* service(() => ({ body: asJson(60) }))
      const missing = { [FULL]: url, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: "/absent/token" }
      assert.match(
        yield* result(missing),
        /^3 .*the file that AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE names cannot be read/
      )
    }).pipe(Effect.scoped)
  )
})

describe("a web identity", () => {
  it.live("is exchanged for the credentials of the role", () =>
    Effect.gen(function* () {
      const peer = yield* store(keys)
      const file = join(yield* scratch, "token")
      writeFileSync(file, "header.canary+/=.signature\n")
      const source = yield* service(() => ({ body: asXml(60) }))
      const environment = {
        AWS_ENDPOINT_URL_S3: peer.endpoint,
        AWS_ENDPOINT_URL_STS: source.url,
        AWS_WEB_IDENTITY_TOKEN_FILE: file,
        AWS_ROLE_ARN: "arn:aws:iam::123456789012:role/export",
        // Of the container, which comes after it.
        AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://127.0.0.1:1/"
      }
      assert.strictEqual(yield* outcome(environment), "works")
      const [seen] = source.seen
      assert.deepStrictEqual(Object.fromEntries(new URLSearchParams(seen?.body)), {
        Action: "AssumeRoleWithWebIdentity",
        Version: "2011-06-15",
        RoleArn: "arn:aws:iam::123456789012:role/export",
        RoleSessionName: "hb-sessions-export",
        WebIdentityToken: "header.canary+/=.signature"
      })
    }).pipe(Effect.scoped)
  )

  it.live("is missed or rejected with the names of the variables", () =>
    Effect.gen(function* () {
      const peer = yield* store(keys)
      const file = join(yield* scratch, "token")
      writeFileSync(file, "canary")
      const variables = { AWS_WEB_IDENTITY_TOKEN_FILE: file, AWS_ROLE_ARN: "arn:aws:iam::123456789012:role/export" }
      const result = (others: Record<string, string>) =>
        outcome({ AWS_ENDPOINT_URL_S3: peer.endpoint, ...variables, ...others })
      const error = (code: string) =>
        `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>canary</Message></Error></ErrorResponse>`
      for (const [status, code, wanted] of [
        [
          400,
          "InvalidIdentityToken",
          /^3 .*\(HTTP 400 InvalidIdentityToken\); check AWS_ROLE_ARN and AWS_WEB_IDENTITY/
        ],
        [403, "AccessDenied", /^3 .*\(HTTP 403 AccessDenied\); check AWS_ROLE_ARN and AWS_WEB_IDENTITY/],
        [400, "IDPCommunicationError", /^74 .*after 3 attempts \(HTTP 400 IDPCommunicationError/]
      ] as const) {
        const source = yield* service(() => ({ status, body: error(code) }))
        assert.match(yield* result({ AWS_ENDPOINT_URL_STS: source.url }), wanted)
      }
      const source = yield* service(() => ({ body: "<html>" }))
      assert.match(yield* result({ AWS_ENDPOINT_URL_STS: source.url }), /^3 .*token service returned no cred/)
      assert.match(
        yield* result({ AWS_ROLE_ARN: "" }),
        /^3 .*AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is not/
      )
      const absent = { AWS_WEB_IDENTITY_TOKEN_FILE: "/absent/token", AWS_ENDPOINT_URL_STS: source.url }
      assert.match(yield* result(absent), /^3 .*the file that AWS_WEB_IDENTITY_TOKEN_FILE names cannot be read/)
    }).pipe(Effect.scoped)
  )
})
