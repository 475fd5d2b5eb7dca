/**
 * What a token of some statuses can make the proxy do, and learn from it.
 */
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { createServer } from "node:http"
import { once } from "node:events"
import type { AddressInfo } from "node:net"
import { createToken, eventually, get, start } from "./support/Proxy.ts"

layer(Simulator.layer({ sessions: 300, seed: "scoped" }), { excludeTestServices: true })(
  "a token of some statuses",
  (it) => {
    const setup = Effect.fnUntraced(function* (
      statuses: readonly ["closed", ...ReadonlyArray<string>],
      upstream?: { url: string; apiKey: string }
    ) {
      const proxy = yield* start(upstream ?? (yield* Simulator), ["--rate", "0"])
      const scoped = yield* createToken(proxy.tokensFile, "scoped", { statuses, rate: 1000 })
      const ask = (path: string, secret = scoped) => get(proxy.url + path, { headers: { "x-api-key": secret } })
      yield* eventually(ask("/api/sessions"), ({ status }) => status === 403)
      return { proxy, ask }
    })

    it.effect("sends no parameter that the proxy does not know", () =>
      Effect.gen(function* () {
        const simulator = yield* Simulator
        const { ask, proxy } = yield* setup(["closed"])
        const { requests } = yield* simulator.stats
        for (const [search, parameter] of [
          ["status[]=active", "status[]"],
          ["status%5B%5D=active", "status[]"],
          ["status%5B0%5D=active", "status[0]"],
          ["Status=active", "Status"],
          ["status%20=active", "status "],
          ["status.in=active", "status.in"],
          ["filter=all", "filter"],
          ["__proto__=active", "__proto__"],
          ["constructor=active", "constructor"],
          ["=active", ""],
          ["status%00=active", "status\u0000"]
        ] as const) {
          const { status, text } = yield* ask(`/api/sessions?status=closed&${search}`)
          assert.deepStrictEqual([search, status, JSON.parse(text).parameter], [search, 400, parameter])
        }
        assert.strictEqual((yield* simulator.stats).requests, requests)
        assert.strictEqual((yield* ask("/api/sessions?status=closed&page=2&limit=5")).status, 200)
        // A token for all statuses may send parameters that the vendor adds one day.
        assert.strictEqual((yield* ask("/api/sessions?status=closed&filter=all", proxy.token)).status, 200)
      }).pipe(Effect.scoped)
    )

    for (const statuses of [["closed"], ["closed", "error"]] as const) {
      it.effect(`cannot tell a session that it must not see from one that is not there (${statuses.join()})`, () =>
        Effect.gen(function* () {
          const simulator = yield* Simulator
          const { ask, proxy } = yield* setup(statuses)
          const [hidden = ""] = simulator.world.ids("active")
          const [shown = ""] = simulator.world.ids("closed")
          const cost = Effect.fnUntraced(function* (id: string) {
            const { requests } = yield* simulator.stats
            const { headers, status, text } = yield* ask(`/v1/sessions/${id}`)
            const { requestId: _requestId, ...problem } = JSON.parse(text)
            return {
              status,
              problem,
              names: [...headers.keys()],
              requests: (yield* simulator.stats).requests - requests
            }
          })
          const absent = yield* cost("00000000-0000-4000-8000-000000000000")
          assert.strictEqual(absent.status, 404)
          assert.isAbove(absent.requests, 1)
          assert.deepStrictEqual(yield* cost(hidden), absent)
          // Not by whether it is asked again either, nor by what others have looked up.
          assert.deepStrictEqual((yield* cost(hidden)).requests, 0)
          const other = simulator.world.ids("active")[1] ?? ""
          assert.strictEqual((yield* ask(`/v1/sessions/${other}`, proxy.token)).status, 200)
          assert.deepStrictEqual(yield* cost(other), absent)
          assert.strictEqual((yield* ask(`/v1/sessions/${shown}`)).status, 200)
        }).pipe(Effect.scoped)
      )
    }

    it.effect("nor where the upstream does not filter", () =>
      Effect.gen(function* () {
        let requests = 0
        const server = createServer((request, response) => {
          requests += 1
          const page = Number(new URL(request.url ?? "", "http://a").searchParams.get("page") ?? 1)
          const rows = Array.from({ length: 10 }, (_, row) => ({
            id: `s-${page}-${row}`,
            status: row === 0 ? "active" : "closed",
            createdAt: "2026-01-01T00:00:00Z"
          }))
          response.end(JSON.stringify({ sessions: page <= 8 ? rows : [], totalCount: 80, page, perPage: 10 }))
        }).listen(0, "127.0.0.1")
        yield* Effect.addFinalizer(() => Effect.sync(() => server.close()))
        yield* Effect.promise(() => once(server, "listening"))
        const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
        const { ask } = yield* setup(["closed"], { url, apiKey: "another-key" })
        const cost = Effect.fnUntraced(function* (id: string) {
          const before = requests
          const { status, text } = yield* ask(`/v1/sessions/${id}`)
          return [status, JSON.parse(text).detail, requests - before]
        })
        const absent = yield* cost("s-none")
        assert.strictEqual(absent[0], 404)
        assert.deepStrictEqual(yield* cost("s-1-0"), absent)
        assert.strictEqual((yield* ask("/v1/sessions/s-1-1")).status, 200)
      }).pipe(Effect.scoped)
    )
  }
)
