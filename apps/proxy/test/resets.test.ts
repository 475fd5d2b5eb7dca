/**
 * An upstream that closes connections at the wrong moment, and a clock that is set back.
 */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo, Socket } from "node:net"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { directory, get, start } from "./support/Proxy.ts"

/** An upstream; `cut` tells which request of a connection, from 1, is reset instead of answered. */
const upstream = (cut: (nth: number) => boolean) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const counts = new Map<Socket, number>()
      const seen = { requests: 0 }
      const server = createServer((request, response) => {
        seen.requests += 1
        const nth = (counts.get(request.socket) ?? 0) + 1
        counts.set(request.socket, nth)
        if (cut(nth)) request.socket.resetAndDestroy()
        else response.end(JSON.stringify({ sessions: [], totalCount: seen.requests, page: 1, perPage: 10 }))
      }).listen(0, "127.0.0.1")
      await once(server, "listening")
      return { server, seen, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, apiKey: "some-key" }
    }),
    ({ server }) =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      })
  )

it.live("a request that is cut on a used connection goes again on a new one, and costs no retry", () =>
  Effect.gen(function* () {
    const proxy = yield* start(yield* upstream((nth) => nth === 2), ["--retries", "0", "--rate", "0"])
    const statuses = yield* Effect.forEach(Array.from({ length: 60 }), (_, index) =>
      Effect.map(get(`${proxy.url}/api/sessions?n=${index}`, { headers: proxy.auth }), ({ status }) => status)
    )
    assert.deepStrictEqual([...new Set(statuses)], [200])
  }).pipe(Effect.scoped)
)

it.live("a request that is cut on a new connection fails, and is not sent without end", () =>
  Effect.gen(function* () {
    const broken = yield* upstream(() => true)
    const proxy = yield* start(broken, ["--retries", "0"])
    assert.strictEqual((yield* get(`${proxy.url}/api/sessions`, { headers: proxy.auth })).status, 502)
    assert.strictEqual(broken.seen.requests, 1)
  }).pipe(Effect.scoped)
)

it.live("a clock that is set back an hour keeps no answer fresh, and stops nothing", () =>
  Effect.gen(function* () {
    const preload = join(yield* directory, "clock.mjs")
    writeFileSync(
      preload,
      "let back = 0; const { now } = Date; Date.now = () => now() - back; process.on('SIGUSR2', () => { back = 3_600_000 })"
    )
    const proxy = yield* start(
      yield* upstream(() => false),
      ["--cache-fresh", "300ms", "--cache-stale", "0s", "--upstream-rate", "20"],
      { NODE_OPTIONS: `--import=${preload}` }
    )
    const ask = Effect.map(
      get(`${proxy.url}/api/sessions`, { headers: proxy.auth }),
      ({ text }) => JSON.parse(text).totalCount
    )
    assert.strictEqual(yield* ask, 1)
    proxy.process.kill("SIGUSR2")
    yield* Effect.sleep("400 millis")
    assert.strictEqual(yield* ask, 2)
  }).pipe(Effect.scoped)
)
