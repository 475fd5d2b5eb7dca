/**
 * Requests that no honest client sends, as bytes on a socket.
 */
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { get, raw, Shared, shared, start, statuses } from "./support/Proxy.ts"

const KEY = "hb_canary_validation_77"

layer(shared({ sessions: 30, apiKey: KEY, seed: "validation" }), { excludeTestServices: true })(
  "malformed requests",
  (it) => {
    const line = (target: string, ...headers: ReadonlyArray<string>) =>
      `GET ${target} HTTP/1.1\r\n${headers.map((header) => `${header}\r\n`).join("")}\r\n`

    it.effect("are rejected with a problem, and their connection is closed", () =>
      Effect.gen(function* () {
        const proxy = yield* Shared
        const auth = `x-api-key: ${proxy.token}`
        const target = "/api/sessions"
        const long = "a".repeat(9000)
        const cases: ReadonlyArray<readonly [name: string, bytes: string, status: number]> = [
          ["two hosts", line(target, "Host: a", "Host: b", auth), 400],
          ["no host", line(target, auth), 400],
          ["an absolute target", line(`http://evil.example${target}`, "Host: a", auth), 400],
          ["an authority target", line("evil.example:443", "Host: a", auth), 400],
          ["an asterisk", `OPTIONS * HTTP/1.1\r\nHost: a\r\n${auth}\r\n\r\n`, 400],
          ["a dot segment", line("/api/../api/sessions", "Host: a", auth), 400],
          ["a dot at the end", line("/api/sessions/.", "Host: a", auth), 400],
          ["an encoded dot segment", line("/api/%2e%2E/sessions", "Host: a", auth), 400],
          ["an encoded slash", line("/api%2fsessions", "Host: a", auth), 400],
          ["an encoded backslash", line("/api%5Csessions", "Host: a", auth), 400],
          ["an empty segment", line("//api/sessions", "Host: a", auth), 400],
          ["a backslash", line("/api\\sessions", "Host: a", auth), 400],
          ["an encoded NUL", line("/api/sessions%00", "Host: a", auth), 400],
          ["half an escape", line("/api/sessions%2", "Host: a", auth), 400],
          ["a fragment", line("/api/sessions#x", "Host: a", auth), 400],
          ["raw UTF-8", line("/api/sessions?status=é", "Host: a", auth), 400],
          ["two keys", line(target, "Host: a", auth, auth), 400],
          ["a key and a bearer", line(target, "Host: a", auth, `Authorization: Bearer ${proxy.token}`), 400],
          ["a body", `${line(target, "Host: a", auth, "Content-Length: 5")}hello`, 400],
          ["a chunked body", `${line(target, "Host: a", auth, "Transfer-Encoding: chunked")}0\r\n\r\n`, 400],
          ["both lengths", line(target, "Host: a", auth, "Content-Length: 5", "Transfer-Encoding: chunked"), 400],
          ["two lengths", line(target, "Host: a", auth, "Content-Length: 0", "Content-Length: 5"), 400],
          ["a hidden coding", line(target, "Host: a", auth, "Transfer-Encoding: xchunked"), 400],
          ["a coding in a tab", line(target, "Host: a", auth, "Transfer-Encoding:\tchunked, identity"), 400],
          ["a space before the colon", line(target, "Host: a", auth, "X-Test : b"), 400],
          ["a folded header", line(target, "Host: a", auth, "X-Test: b\r\n c"), 400],
          ["a bare line feed", `GET ${target} HTTP/1.1\nHost: a\n${auth}\n\n`, 400],
          ["a NUL in a header", line(target, "Host: a", auth, "X-Test: \u0000"), 400],
          ["a long URL", line(`/api/sessions?x=${long}`, "Host: a", auth), 414],
          ["a large header", line(target, "Host: a", auth, `X-Test: ${long}${long}`), 431],
          ["many headers", line(target, "Host: a", auth, ...Array.from({ length: 101 }, (_, n) => `X-${n}: 1`)), 431],
          ["another protocol", "SSH-2.0-OpenSSH_9.2\r\n\r\n", 400],
          ["another version", `GET ${target} HTTP/3.0\r\nHost: a\r\n${auth}\r\n\r\n`, 400],
          ["an expectation", line(target, "Host: a", auth, "Expect: the-impossible"), 417]
        ]
        for (const [name, bytes, status] of cases) {
          const { closed, text } = yield* raw(proxy.url, Buffer.from(bytes, "utf8"), 2000)
          assert.deepStrictEqual({ name, statuses: statuses(text), closed }, { name, statuses: [status], closed: true })
          assert.include(text, "application/problem+json", name)
          assert.include(text, '"message"', name)
        }
        // None of them has reached the upstream.
        assert.strictEqual((yield* (yield* Simulator).stats).requests, 0)
        assert.strictEqual((yield* get(`${proxy.url}/api/sessions`, { headers: proxy.auth })).status, 200)
      }).pipe(Effect.scoped)
    )

    it.effect("smuggle nothing: what follows a rejected request on its connection is not answered", () =>
      Effect.gen(function* () {
        const proxy = yield* Shared
        const auth = `x-api-key: ${proxy.token}`
        const inner = line("/v1/stats", "Host: a", auth)
        for (const length of [
          "Content-Length: 4",
          "Transfer-Encoding: chunked",
          "Content-Length: 0\r\nContent-Length: 4"
        ]) {
          const { text } = yield* raw(proxy.url, line("/api/sessions", "Host: a", auth, length) + inner, 2000)
          assert.deepStrictEqual(statuses(text), [400])
        }
      }).pipe(Effect.scoped)
    )

    it.effect("do not include pipelined ones, which are answered in order", () =>
      Effect.gen(function* () {
        const proxy = yield* Shared
        const auth = `x-api-key: ${proxy.token}`
        const { text } = yield* raw(
          proxy.url,
          line("/api/sessions?page=2", "Host: a", auth) +
            line("/nowhere", "Host: a") +
            line("/", "Host: a", "Connection: close"),
          2000
        )
        assert.deepStrictEqual(statuses(text), [200, 404, 200])
      }).pipe(Effect.scoped)
    )

    it.effect("that ask for another protocol are answered in this one, and so are those behind them", () =>
      Effect.gen(function* () {
        const proxy = yield* Shared
        const auth = `x-api-key: ${proxy.token}`
        const behind = line("/nowhere", "Host: a") + line("/", "Host: a", "Connection: close")
        const page = "/api/sessions?page=2"
        const settings = "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA"
        for (const [first, expected] of [
          [line(page, "Host: a", auth, "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"), 200],
          [line(page, "Host: a", auth, "Connection: keep-alive, Upgrade", "Upgrade: h2c, websocket"), 200],
          [line(page, "Host: a", auth, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", settings), 200],
          [line(page, "Host: a", "Connection: Upgrade", "Upgrade: TLS/1.0"), 401],
          [line(page, "Host: a", auth, "Upgrade: h2c"), 200],
          [line(page, "Host: a", auth, "Connection: Upgrade", "Upgrade: h2c").replace("GET", "POST"), 405]
        ] as const) {
          const { closed, text } = yield* raw(proxy.url, first + behind, 5000)
          assert.deepStrictEqual([first, statuses(text), closed], [first, [expected, 404, 200], true])
          assert.notInclude(text.toLowerCase(), "\r\nupgrade:")
        }
      }).pipe(Effect.scoped)
    )

    it.effect("for a tunnel are answered, counted and logged, also behind others, and their connection is closed", () =>
      Effect.gen(function* () {
        const proxy = yield* start(yield* Simulator)
        const tunnel = "CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n"
        for (const [bytes, expected] of [
          [tunnel, [405]],
          [tunnel + line("/", "Host: a"), [405]],
          [line("/", "Host: a") + tunnel + "\u0016\u0003\u0001".repeat(20_000), [200, 405]]
        ] as const) {
          const { closed, text } = yield* raw(proxy.url, bytes, 5000)
          assert.deepStrictEqual([statuses(text), closed], [expected, true])
          assert.match(text, /\r\nallow: GET, HEAD, OPTIONS\r\n/)
          assert.include(text, "no tunnels")
        }
        const { text } = yield* get(`${proxy.adminUrl}/metrics`)
        assert.include(text, 'hb_sessions_proxy_requests{route="none",status="405",cache="none"} 3\n')
        const { stderr } = yield* proxy.stop("SIGTERM")
        assert.lengthOf(stderr.match(/"type":"connection","reason":"method-not-allowed","status":405/g) ?? [], 3)
      }).pipe(Effect.scoped)
    )

    it.effect("cannot name headers for the proxy to drop or to send on", () =>
      Effect.gen(function* () {
        const proxy = yield* Shared
        const bytes = line(
          "/api/sessions?page=3",
          "Host: a",
          `x-api-key: ${proxy.token}`,
          "Connection: close, x-api-key, accept",
          "X-Forwarded-For: 1.2.3.4",
          "Proxy-Authorization: Basic eDp5"
        )
        assert.deepStrictEqual(statuses((yield* raw(proxy.url, bytes, 3000)).text), [200])
      }).pipe(Effect.scoped)
    )
  }
)
