/**
 * A read over real sockets from a server that fails a quarter of its answers.
 */
import { NodeHttpClient } from "@effect/platform-node"
import * as Sessions from "@hb-sessions/core/Sessions"
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { assert, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"

const SESSIONS = 10_000
const RATE = 0.05

it.live(
  "10,000 sessions behind 5 % each of 429, 500, reset, truncation and hang arrive complete, exactly once",
  () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const client = SessionsClient.layerNoDeps({
        apiKey: Redacted.make(simulator.apiKey),
        baseUrl: new URL(simulator.url),
        attemptTimeout: "1 second",
        retries: 12,
        retryBaseDelay: "5 millis"
      }).pipe(Layer.provide(NodeHttpClient.layerUndici))
      const { report, sessions } = yield* Effect.provide(Sessions.collect({ concurrency: 16 }), client)
      const ids = sessions.map(({ id }) => id)
      assert.lengthOf(ids, SESSIONS)
      assert.deepStrictEqual(new Set<string>(ids), new Set(simulator.world.ids()))
      assert.strictEqual(report.completeness.status, "proven")
      const { faults } = yield* simulator.stats
      for (const kind of ["429", "500", "reset", "truncate", "hang"] as const) {
        assert.isAtLeast(faults[kind] ?? 0, 20, `${kind} was hardly met`)
      }
    }).pipe(
      Effect.provide(
        Simulator.layer({
          sessions: SESSIONS,
          seed: "faults",
          faults: {
            rates: { "429": RATE, "500": RATE, reset: RATE, truncate: RATE, hang: RATE },
            retryAfter: 0
          }
        })
      )
    ),
  600_000
)
