/**
 * What waits in memory for clients: requests that were sent ahead, and answers that no client reads.
 */
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { once } from "node:events"
import { connect } from "node:net"
import { eventually, get, raw, start, statuses } from "./support/Proxy.ts"
import { memoryOf } from "./support/Memory.ts"

const smallHeap = { NODE_OPTIONS: "--max-old-space-size=300" }

const simulated = <A, E>(
  options: Parameters<typeof Simulator.layer>[0],
  test: Effect.Effect<A, E, Simulator | import("effect").Scope.Scope>
) => test.pipe(Effect.scoped, Effect.provide(Simulator.layer({ sessions: 2000, seed: "queued", ...options })))

/** Connections that send the same bytes and read nothing. */
const withoutReading = (url: string, connections: number, bytes: string) =>
  Effect.acquireRelease(
    Effect.promise(() =>
      Promise.all(
        Array.from({ length: connections }, async () => {
          const socket = connect(Number(new URL(url).port), "127.0.0.1")
          socket.on("error", () => {})
          await once(socket, "connect")
          socket.write(bytes)
          return socket
        })
      )
    ),
    (sockets) => Effect.sync(() => sockets.forEach((socket) => socket.destroy()))
  )

const metric = (adminUrl: string, name: string) =>
  Effect.map(get(`${adminUrl}/metrics`), ({ text }) => Number(new RegExp(`^${name} (.+)$`, "m").exec(text)?.[1] ?? 0))

it.live(
  "60 connections full of requests whose answers are not read take little memory, and no other client waits",
  () =>
    simulated(
      {},
      Effect.gen(function* () {
        const proxy = yield* start(yield* Simulator, [], smallHeap)
        const before = memoryOf(proxy.process)
        const request = "GET /docs HTTP/1.1\r\nhost: a\r\n\r\n"
        yield* withoutReading(proxy.url, 60, request.repeat(65_536 / request.length))
        for (let turn = 0; turn < 5; turn++) {
          yield* Effect.forEach(Array.from({ length: 20 }), () =>
            Effect.map(get(`${proxy.url}/api/sessions`, { headers: proxy.auth }), ({ status }) =>
              assert.strictEqual(status, 200)
            )
          )
        }
        assert.isBelow(memoryOf(proxy.process) - before, 120e6)
      })
    )
)

it.live("a client that sends requests ahead gets an answer to each, in order, one at a time", () =>
  simulated(
    { latency: "20 millis" },
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const proxy = yield* start(simulator, ["--rate", "0"])
      const request = (page: number, last = false) =>
        `GET /api/sessions?page=${page} HTTP/1.1\r\nhost: a\r\nx-api-key: ${proxy.token}\r\n${last ? "connection: close\r\n" : ""}\r\n`
      const pages = Array.from({ length: 40 }, (_, index) => index + 1)
      const all = pages.map((page) => request(page, page === pages.length)).join("")
      const { text } = yield* raw(proxy.url, all, 5000)
      assert.deepStrictEqual(
        statuses(text),
        pages.map(() => 200)
      )
      assert.deepStrictEqual(
        [...text.matchAll(/"page":(\d+)/g)].map(([, page]) => Number(page)),
        pages
      )
      assert.strictEqual((yield* simulator.stats).maxInFlight, 1)
    })
  )
)

it.live(
  "a client that sends requests with Expect: 100-continue ahead has one of them answered, however long it takes",
  () =>
    simulated(
      { latency: "3 seconds" },
      Effect.gen(function* () {
        const simulator = yield* Simulator
        const proxy = yield* start(simulator, ["--rate", "0", "--client-timeout", "1s"])
        const request = (page: number) =>
          `GET /api/sessions?page=${page} HTTP/1.1\r\nhost: a\r\nx-api-key: ${proxy.token}\r\nexpect: 100-continue\r\n\r\n`
        const { closed, text } = yield* raw(
          proxy.url,
          Array.from({ length: 40 }, (_, page) => request(page + 1)).join(""),
          30_000
        )
        // After an answer that comes in place of an invitation to go on, what follows may be a body.
        assert.deepStrictEqual([statuses(text), closed], [[200], true])
        assert.strictEqual((yield* simulator.stats).maxInFlight, 1)
      })
    )
)

it.live("requests arrive whole wherever the network cuts them", () =>
  simulated(
    {},
    Effect.gen(function* () {
      const proxy = yield* start(yield* Simulator)
      const requests =
        "GET / HTTP/1.1\r\nhost: a\r\n\r\n".repeat(3) + "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
      for (const size of [1, 2, 3, 7, 26, 29]) {
        const pieces = Array.from({ length: Math.ceil(requests.length / size) }, (_, index) =>
          requests.slice(index * size, (index + 1) * size)
        )
        const port = Number(new URL(proxy.url).port)
        const text = yield* Effect.promise(
          () =>
            new Promise<string>((resolve) => {
              let received = ""
              const socket = connect({ port, host: "127.0.0.1", noDelay: true })
              socket.on("data", (data) => (received += data.toString("latin1")))
              socket.on("error", () => {})
              socket.on("close", () => resolve(received))
              const send = () => {
                const piece = pieces.shift()
                if (piece !== undefined && socket.writable) socket.write(piece, () => setImmediate(send))
              }
              send()
            })
        )
        assert.deepStrictEqual(statuses(text), [200, 200, 200, 200], `pieces of ${size}`)
      }
    })
  )
)

it.live("answers that are not read are dropped beyond a bound, and those who read are answered", () =>
  simulated(
    { sessions: 5000, maxLimit: 500 },
    Effect.gen(function* () {
      const proxy = yield* start(yield* Simulator, ["--rate", "0", "--max-queued", "8m", "--cache-fresh", "1m"])
      const path = "/api/sessions?limit=500"
      const { text } = yield* get(proxy.url + path, { headers: proxy.auth })
      assert.isAbove(text.length, 200_000)
      const request = `GET ${path} HTTP/1.1\r\nhost: a\r\nx-api-key: ${proxy.token}\r\n\r\n`
      // What the kernel takes of an answer is a few megabytes, so it takes some answers to fill a connection.
      yield* withoutReading(proxy.url, 60, request.repeat(40))
      const dropped = metric(proxy.adminUrl, 'hb_sessions_proxy_connections_dropped{reason="queued"}')
      yield* eventually(dropped, (count) => count > 0)
      assert.isAtMost(yield* metric(proxy.adminUrl, "hb_sessions_proxy_queued_bytes"), 8 * 1024 * 1024)
      for (let turn = 0; turn < 10; turn++) {
        assert.strictEqual((yield* get(proxy.url + path, { headers: proxy.auth })).status, 200)
      }
    })
  )
)
