/**
 * An outage in the middle of a read must not become a storm of requests.
 */
import { NodeHttpClient } from "@effect/platform-node"
import * as Sessions from "@hb-sessions/core/Sessions"
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { assert, it } from "@effect/vitest"
import { Effect, Layer, Redacted, Stream } from "effect"

const CONCURRENCY = 64
const RETRIES = 20

it.live("retries of one read are bounded together, not for each page", () =>
  Effect.gen(function* () {
    const simulator = yield* Simulator
    const client = SessionsClient.layerNoDeps({
      apiKey: Redacted.make(simulator.apiKey),
      baseUrl: new URL(simulator.url),
      retries: RETRIES,
      retryBaseDelay: "1 millis",
      retryMaxDelay: "1 millis"
    }).pipe(Layer.provide(NodeHttpClient.layerUndici))
    const requestsOf = Effect.fnUntraced(function* (options: Sessions.ReadOptions) {
      const { requests: before } = yield* simulator.stats
      const error = yield* Sessions.stream({ concurrency: CONCURRENCY, ...options }).pipe(
        Stream.runDrain,
        Effect.provide(client),
        Effect.flip
      )
      assert.strictEqual(error.reason._tag, "UpstreamUnavailable")
      return (yield* simulator.stats).requests - before
    })
    // Page 1 succeeds; then each page in flight fails once, and all of them share about thirty retries.
    assert.isAtMost(yield* requestsOf({}), 2 * CONCURRENCY + 40)
    assert.isAtMost(yield* requestsOf({ retryBudget: 0 }), 1 + CONCURRENCY)
  }).pipe(
    Effect.provide(
      Simulator.layer({
        sessions: 5000,
        faults: { script: [{ page: 1, fault: "slow" }], slowBody: 0, rates: { "503": 1 } }
      })
    )
  )
)
