/**
 * The built export behind a proxy of the network.
 */
import { assert, it } from "@effect/vitest"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { Effect } from "effect"
import { once } from "node:events"
import { createServer, request } from "node:http"
import { type AddressInfo } from "node:net"
import { environment, run, scratch } from "./support.ts"

/** Forwards plain requests, and rejects every tunnel. */
const proxy = Effect.acquireRelease(
  Effect.promise(async () => {
    const seen: Array<readonly [string | undefined, string | undefined]> = []
    const server = createServer((incoming, outgoing) => {
      seen.push([incoming.url, incoming.headers["proxy-authorization"]])
      const { "proxy-authorization": _, ...headers } = incoming.headers
      incoming.pipe(
        request(incoming.url ?? "", { headers }, (answer) => {
          outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
          answer.pipe(outgoing)
        })
      )
    })
    server.on("connect", (incoming, socket) => {
      seen.push([incoming.url, incoming.headers["proxy-authorization"]])
      socket.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
    })
    server.listen(0, "127.0.0.1")
    await once(server, "listening")
    return { server, seen, host: `127.0.0.1:${(server.address() as AddressInfo).port}` }
  }),
  ({ server }) =>
    Effect.sync(() => {
      server.close()
      server.closeAllConnections()
    })
)

it.live("goes through HTTP_PROXY with its password, and past it where NO_PROXY says so", () =>
  Effect.gen(function* () {
    const simulator = yield* Simulator
    const { host, seen } = yield* proxy
    const out = yield* scratch
    const env = { ...environment(simulator), HTTP_PROXY: `http://user:p%40ss-canary@${host}` }
    const through = yield* run(env, "run", "--out", out)
    assert.strictEqual(through.code, 0, through.stderr)
    assert.isNotEmpty(seen)
    for (const [url, authorization] of seen) {
      assert.isTrue(url?.startsWith(`${simulator.url}/api/sessions`), url)
      assert.strictEqual(authorization, `Basic ${btoa("user:p@ss-canary")}`)
    }
    assert.notInclude(through.stdout + through.stderr, "canary")
    const before = seen.length
    const past = yield* run({ ...env, NO_PROXY: "127.0.0.0/8" }, "run", "--out", out)
    assert.strictEqual(past.code, 0, past.stderr)
    assert.lengthOf(seen, before)
  }).pipe(Effect.provide(Simulator.layer({ sessions: 30 })), Effect.scoped)
)

it.live("asks HTTPS_PROXY for a tunnel once where it is rejected, and shows no password", () =>
  Effect.gen(function* () {
    const { host, seen } = yield* proxy
    const env = environment({ apiKey: "key", url: "https://api.invalid" })
    const https_proxy = `http://user:canary@${host}`
    const { code, stderr } = yield* run({ ...env, https_proxy }, "run", "--out", yield* scratch)
    assert.strictEqual(code, 4)
    assert.match(stderr, /the proxy rejects the request \(ERR_PROXY_TUNNEL\)/)
    assert.notInclude(stderr, "canary")
    assert.deepStrictEqual(seen, [["api.invalid:443", `Basic ${btoa("user:canary")}`]])
  }).pipe(Effect.scoped)
)

for (const value of ["socks5://u:canary@host", "http://", "http://u:%zzcanary@host"]) {
  it.live(`rejects HTTPS_PROXY=${value}`, () =>
    Effect.gen(function* () {
      const env = environment({ apiKey: "key", url: "https://api.invalid" })
      const { code, stderr } = yield* run({ ...env, HTTPS_PROXY: value }, "run", "--out", yield* scratch)
      assert.strictEqual(code, 2)
      assert.match(stderr, /HTTPS_PROXY (names a socks5 proxy|is not the URL of a proxy)/)
      assert.notInclude(stderr, "canary")
    }).pipe(Effect.scoped)
  )
}
