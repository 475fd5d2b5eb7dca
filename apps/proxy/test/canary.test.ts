/**
 * The upstream key, looked for in everything that comes out of the proxy, in every dress.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { once } from "node:events"
import { createServer, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import * as Secrets from "../src/upstream/KeyRedaction.ts"
import { get, raw, start } from "./support/Proxy.ts"

const KEY = "hb_canary+/=key?&9Zq~x"

const percent = [...Buffer.from(KEY)].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("")

/** Every spelling that an upstream, or the proxy itself, could write the key in. */
const dresses: ReadonlyArray<readonly [name: string, text: string]> = [
  ["plain", KEY],
  ["percent", encodeURIComponent(KEY)],
  ["percent, lower case", encodeURIComponent(KEY).replaceAll(/%../g, (escape) => escape.toLowerCase())],
  ["percent throughout", percent],
  ["percent, upper case", percent.toUpperCase()],
  ["hexadecimal", Buffer.from(KEY).toString("hex")],
  ["HEXADECIMAL", Buffer.from(KEY).toString("hex").toUpperCase()],
  ...["", "x", "xy", "user:", "Bearer "].flatMap(
    (before) =>
      [
        [`base64 behind "${before}"`, Buffer.from(`${before}${KEY}:tail`).toString("base64")],
        [`base64url behind "${before}"`, Buffer.from(before + KEY).toString("base64url")]
      ] as const
  )
]

describe("Secrets", () => {
  let keys = [Redacted.make(KEY)]
  const secrets = Secrets.make(() => keys)
  for (const [name, text] of dresses) {
    it(`sees the key: ${name}`, () => {
      assert.isTrue(secrets.isIn(Buffer.from(`{"a":"${text}"}`)))
      assert.strictEqual(secrets.hide(`before ${text} after`), "<redacted>")
    })
  }
  it("sees a key that has come since, and the one before", () => {
    keys = [Redacted.make("hb_another_key"), ...keys]
    for (const key of ["hb_another_key", KEY]) assert.isTrue(secrets.isIn(Buffer.from(`a ${key} b`)))
    assert.isFalse(secrets.isIn(Buffer.from("hb_third_key")))
  })
  it("sees no key where there is none", () => {
    for (const text of ["", "an ordinary message", "hb_canary", KEY.slice(1), btoa(KEY.slice(4))]) {
      assert.isFalse(secrets.isIn(Buffer.from(text)))
      assert.strictEqual(secrets.hide(text), text)
    }
  })
})

describe("the proxy", () => {
  it.live(
    "never lets the key out",
    () =>
      Effect.gen(function* () {
        let answer = (response: ServerResponse) => void response.end('{"sessions":[]}')
        const server = createServer((_, response) => answer(response)).listen(0, "127.0.0.1")
        yield* Effect.addFinalizer(() =>
          Effect.sync(() => {
            server.close()
            server.closeAllConnections()
          })
        )
        yield* Effect.promise(() => once(server, "listening"))
        const upstream = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, apiKey: KEY }
        const seen: Array<readonly [where: string, text: string]> = []
        const collector = createServer((request, response) => {
          let body = ""
          request.setEncoding("utf8").on("data", (data: string) => (body += data))
          request.on("end", () => {
            seen.push([`OTLP ${request.url}`, JSON.stringify(request.rawHeaders) + body])
            response.end("{}")
          })
        }).listen(0, "127.0.0.1")
        yield* Effect.addFinalizer(() => Effect.sync(() => collector.close()))
        yield* Effect.promise(() => once(collector, "listening"))
        const proxy = yield* start(
          upstream,
          ["--breaker-failures", "1000000", "--cache-error", "0s", "--rate", "0", "--log-level", "all"],
          {
            OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`,
            OTEL_TRACES_EXPORTER: "otlp",
            OTEL_METRICS_EXPORTER: "otlp"
          }
        )
        const look = (where: string, path: string, init?: RequestInit) =>
          Effect.map(get(proxy.url + path, { headers: proxy.auth, ...init }), ({ headers, status, text }) => {
            seen.push([where, JSON.stringify([...headers]) + text])
            return status
          })
        const rejected = yield* look("rejected", "/api/sessions", { headers: { "x-api-key": KEY } })
        assert.strictEqual(rejected, 401)
        for (const [name, text] of dresses) {
          // 429 would slow the client down; it is in serve.test.ts.
          for (const status of [200, 400, 401, 402, 500, 302]) {
            answer = (response) =>
              void response
                .writeHead(status, { "x-request-id": text, "retry-after": "1", location: `/?k=${text}` })
                .end(JSON.stringify({ sessions: [], message: `bad ${text}` }))
            const got = yield* look(`${status} ${name}`, `/api/sessions?n=${status}`)
            assert.isAtLeast(got, 400, name)
          }
        }
        answer = (response) => void response.end(`{"sessions":[{"id":"a","x":"${KEY}"}]}`)
        for (const path of ["/v1/sessions", "/v1/sessions.csv", "/v1/sessions/a", "/v1/stats"]) {
          assert.strictEqual(yield* look(path, path), 502)
        }
        for (const path of ["/", "/docs", "/openapi.json", "/nowhere"]) yield* look(path, path)
        seen.push(["malformed", (yield* raw(proxy.url, "GET / HTTP/1.1\r\n\r\n")).text])
        for (const path of ["/healthz", "/readyz", "/metrics"]) {
          const { headers, text } = yield* get(proxy.adminUrl + path)
          seen.push([path, JSON.stringify([...headers]) + text])
        }
        const { stderr, stdout } = yield* proxy.stop("SIGTERM")
        seen.push(["log", stdout + stderr])
        // Spans have names and events of failures: the search is not in vain.
        const spans = seen.filter(([where]) => where === "OTLP /v1/traces").map(([, text]) => text)
        for (const text of ["SessionsClient.getPage", "exception"])
          assert.isTrue(spans.some((body) => body.includes(text)))
        assert.isTrue(seen.some(([where]) => where === "OTLP /v1/metrics"))
        const leaks = seen.flatMap(([where, text]) =>
          dresses.flatMap(([name, needle]) => (text.includes(needle) ? [`${where}: ${name}`] : []))
        )
        assert.deepStrictEqual(leaks, [])
        assert.isAbove(seen.length, 100)
      }).pipe(Effect.scoped),
    60_000
  )
})
