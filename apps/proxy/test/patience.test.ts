/**
 * Work of the proxy's own that takes long, and an upstream that does not answer.
 */
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { get, start } from "./support/Proxy.ts"

const simulated = <A, E>(
  options: Parameters<typeof Simulator.layer>[0],
  test: Effect.Effect<A, E, Simulator | import("effect").Scope.Scope>
) => test.pipe(Effect.scoped, Effect.provide(Simulator.layer({ sessions: 100, seed: "patience", ...options })))

it.live("answers that take longer to make than a client may be silent are not cut", () =>
  simulated(
    { sessions: 20, latency: "400 millis" },
    Effect.gen(function* () {
      const proxy = yield* start(yield* Simulator, ["--client-timeout", "150ms", "--read-concurrency", "1"])
      for (const path of [
        "/v1/stats",
        "/v1/sessions/absent",
        "/v1/sessions",
        "/v1/sessions.csv",
        "/v1/sessions.json"
      ]) {
        const { status, text } = yield* get(proxy.url + path, { headers: proxy.auth })
        assert.strictEqual(status, path.endsWith("absent") ? 404 : 200, path)
        assert.isAbove(text.length, 20)
      }
    })
  )
)

it.live("an old answer is given soon when the upstream hangs", () =>
  simulated(
    {},
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const limits = [
        "--cache-fresh",
        "0s",
        "--cache-stale",
        "0s",
        "--cache-patience",
        "200ms",
        "--attempt-timeout",
        "25s"
      ]
      const proxy = yield* start(simulator, limits)
      const ask = get(`${proxy.url}/api/sessions`, { headers: proxy.auth })
      const first = yield* ask
      yield* simulator.setFaults({ rates: { hang: 1 } })
      const { headers, text } = yield* Effect.timeout(ask, "15 seconds")
      assert.strictEqual(text, first.text)
      assert.include(headers.get("cache-status") ?? "", "stale-if-error")
    })
  )
)

it.live("what the upstream rejects, and an id that is absent, are asked for once in a while", () =>
  simulated(
    { pastEnd: "error" },
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const proxy = yield* start(simulator, ["--cache-negative", "1m"])
      for (const [path, status] of [
        ["/api/sessions?page=1000", 400],
        ["/v1/sessions/absent", 404]
      ] as const) {
        const ask = get(proxy.url + path, { headers: proxy.auth })
        assert.strictEqual((yield* ask).status, status)
        const { requests } = yield* simulator.stats
        assert.strictEqual((yield* ask).status, status)
        assert.strictEqual((yield* simulator.stats).requests, requests)
      }
    })
  )
)
