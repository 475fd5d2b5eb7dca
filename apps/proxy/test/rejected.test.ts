/**
 * What operators see of connections on which no request could be answered.
 */
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { once } from "node:events"
import { connect } from "node:net"
import { eventually, get, raw, start, statuses } from "./support/Proxy.ts"

const MALFORMED = "SSH-2.0-OpenSSH_9.2\r\n\r\n"

interface Line {
  readonly type: string
  readonly reason: string
  readonly status?: number
  readonly address?: string
  readonly further?: number
}

layer(Simulator.layer({ sessions: 10, seed: "rejected" }), { excludeTestServices: true })(
  "connections without a request",
  (it) => {
    /** Lines about connections, when the server has stopped. */
    const stopped = (proxy: Effect.Success<ReturnType<typeof start>>) =>
      Effect.map(proxy.stop("SIGTERM"), ({ stderr }) =>
        stderr
          .trimEnd()
          .split("\n")
          .filter((line) => line !== "")
          .map((line) => JSON.parse(line) as Line)
          .filter(({ type }) => type === "connection")
      )

    it.effect("are counted and logged, whatever the parser found", () =>
      Effect.gen(function* () {
        const proxy = yield* start(yield* Simulator, ["--header-timeout", "500ms"])
        const auth = `x-api-key: ${proxy.token}`
        const cases = [
          [MALFORMED, 400, "malformed-request"],
          ["GET / HTTP/1.1\r\nhost: a\r\n", 408, "request-timeout"],
          ["GET / HTTP/1.1\r\nhost: a\r\nexpect: the-impossible\r\n\r\n", 417, "expectation-failed"],
          [`GET / HTTP/1.1\r\nhost: a\r\n${auth}\r\nx: ${"a".repeat(20_000)}\r\n\r\n`, 431, "headers-too-large"]
        ] as const
        for (const [bytes, status] of cases) {
          assert.deepStrictEqual(statuses((yield* raw(proxy.url, bytes, 5000)).text), [status])
        }
        const { text } = yield* get(`${proxy.adminUrl}/metrics`)
        for (const [, status] of cases) {
          assert.include(text, `hb_sessions_proxy_requests{route="none",status="${status}",cache="none"} 1\n`)
        }
        const lines = yield* stopped(proxy)
        assert.deepStrictEqual(
          lines.map(({ address, reason, status, type }) => ({ address, reason, status, type })),
          cases.map(([, status, reason]) => ({ address: "127.0.0.1", reason, status, type: "connection" }))
        )
        assert.notInclude(JSON.stringify(lines), proxy.token)
      }).pipe(Effect.scoped)
    )

    it.effect("are counted where there are too many, or where there was an answer before", () =>
      Effect.gen(function* () {
        const proxy = yield* start(yield* Simulator, ["--max-connections", "2"])
        const port = Number(new URL(proxy.url).port)
        const dropped = (reason: string, count: number) =>
          eventually(get(`${proxy.adminUrl}/metrics`), ({ text }) =>
            text.includes(`hb_sessions_proxy_connections_dropped{reason="${reason}"} ${count}\n`)
          )
        const opened = yield* Effect.promise(async () => {
          const sockets = [connect(port, "127.0.0.1"), connect(port, "127.0.0.1")]
          await Promise.all(sockets.map((socket) => once(socket, "connect")))
          return sockets
        })
        yield* eventually(get(`${proxy.adminUrl}/metrics`), ({ text }) =>
          text.includes("hb_sessions_proxy_connections 2\n")
        )
        assert.deepStrictEqual(yield* raw(proxy.url, "GET / HTTP/1.1\r\nhost: a\r\n\r\n", 5000), {
          text: "",
          closed: true
        })
        yield* dropped("too-many-connections", 1)
        opened.forEach((socket) => socket.destroy())
        yield* eventually(get(`${proxy.adminUrl}/metrics`), ({ text }) =>
          text.includes("hb_sessions_proxy_connections 0\n")
        )
        const { text } = yield* raw(proxy.url, `GET / HTTP/1.1\r\nhost: a\r\n\r\n${MALFORMED}`, 5000)
        assert.deepStrictEqual(statuses(text), [200])
        yield* dropped("malformed-request", 1)
        assert.deepStrictEqual(
          (yield* stopped(proxy)).map(({ reason, status }) => [reason, status]),
          [
            ["too-many-connections", undefined],
            ["malformed-request", undefined]
          ]
        )
      }).pipe(Effect.scoped)
    )

    it.effect("are not counted when their client just left", () =>
      Effect.gen(function* () {
        const proxy = yield* start(yield* Simulator)
        yield* Effect.promise(async () => {
          const socket = connect(Number(new URL(proxy.url).port), "127.0.0.1")
          await once(socket, "connect")
          socket.write("GET / HTTP/1.1\r\nho")
          socket.resetAndDestroy()
        })
        yield* get(`${proxy.url}/`)
        assert.deepStrictEqual(yield* stopped(proxy), [])
      }).pipe(Effect.scoped)
    )

    it.effect("do not fill the log, and are all counted in it", () =>
      Effect.gen(function* () {
        const CONNECTIONS = 300
        const proxy = yield* start(yield* Simulator)
        for (let sent = 0; sent < CONNECTIONS; sent += 50) {
          yield* Effect.all(
            Array.from({ length: 50 }, () => raw(proxy.url, MALFORMED, 5000)),
            { concurrency: "unbounded" }
          )
        }
        const { text } = yield* get(`${proxy.adminUrl}/metrics`)
        assert.include(text, `hb_sessions_proxy_requests{route="none",status="400",cache="none"} ${CONNECTIONS}\n`)
        const lines = yield* stopped(proxy)
        const total = lines.reduce((sum, { further = 1 }) => sum + further, 0)
        assert.strictEqual(total, CONNECTIONS)
        // 10 lines and a sum in 10 seconds; slow machines take more than one such time.
        assert.isBelow(lines.length, 100)
      }).pipe(Effect.scoped)
    )

    it.effect("are not in a log that is off", () =>
      Effect.gen(function* () {
        const proxy = yield* start(yield* Simulator, ["--access-log", "off"])
        yield* raw(proxy.url, MALFORMED, 5000)
        assert.deepStrictEqual(yield* stopped(proxy), [])
      }).pipe(Effect.scoped)
    )
  }
)
