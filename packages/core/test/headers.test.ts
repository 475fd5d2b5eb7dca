/**
 * What a client sends beside the key.
 */
import { assert, describe, it } from "@effect/vitest"
import { once } from "node:events"
import { createServer, type IncomingHttpHeaders } from "node:http"
import type { AddressInfo } from "node:net"
import manifest from "../package.json" with { type: "json" }
import { createSessionsClient } from "../src/index.ts"
import type { SessionsClientOptions } from "../src/promise.ts"

/** The headers of one request of a client. */
const sent = async (options: Partial<SessionsClientOptions> | object): Promise<IncomingHttpHeaders> => {
  let headers: IncomingHttpHeaders = {}
  const server = createServer((request, response) => {
    headers = request.headers
    response.end('{"sessions":[]}')
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  try {
    const { port } = server.address() as AddressInfo
    await createSessionsClient({ apiKey: "key", baseUrl: `http://127.0.0.1:${port}`, ...options }).list()
  } finally {
    server.close()
    server.closeAllConnections()
  }
  return headers
}

describe("a client", () => {
  it("says its name and version, unless another is given", async () => {
    assert.strictEqual((await sent({}))["user-agent"], `hb-sessions-core/${manifest.version}`)
    assert.strictEqual((await sent({ userAgent: "my-app/2.0 (tests)" }))["user-agent"], "my-app/2.0 (tests)")
    assert.strictEqual((await sent({ headers: { "User-Agent": "mine" } }))["user-agent"], "mine")
  })

  it("leaves the name of a browser as it is, since another needs the permission of the server", async () => {
    const { userAgent } = navigator
    Object.defineProperty(navigator, "userAgent", { value: "Mozilla/5.0 (X11)", configurable: true })
    try {
      assert.notInclude((await sent({}))["user-agent"] ?? "", "hb-sessions")
    } finally {
      Object.defineProperty(navigator, "userAgent", { value: userAgent, configurable: true })
    }
  })

  it("sends the headers that are given, with the key", async () => {
    const headers = await sent({ headers: { "X-Source": "nightly", traceparent: "00-0-0-00" } })
    assert.deepInclude(headers, { "x-source": "nightly", traceparent: "00-0-0-00", "x-api-key": "key" })
  })

  for (const [options, message] of [
    [{ headers: { "X-Api-Key": "other" } }, /"X-Api-Key", which the client sends itself/],
    [{ headers: { "a b": "x" } }, /"a b", which is no name/],
    [{ headers: { a: "SECRET\r\nb: c" } }, /^the value of "a" in headers must be text/],
    [{ headers: { a: 1 } }, /^the value of "a"/],
    [{ headers: [] }, /^headers must be an object/],
    [{ userAgent: "a\nb" }, /^userAgent must be text/]
  ] as const) {
    it(`rejects ${JSON.stringify(options)}, without a value`, async () => {
      const error = await sent(options).then(
        () => assert.fail("was accepted"),
        (failure: unknown) => failure
      )
      assert.instanceOf(error, TypeError)
      assert.match((error as TypeError).message, message)
      assert.notInclude((error as TypeError).message, "SECRET")
    })
  }
})
