/**
 * The state of circuits, which all replicas share while there is Redis.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import * as Redis from "effect/persistence/Redis"
import type { Link } from "./RedisLink.ts"

/** How long the one call may take that tries whether the circuit can be closed, without a sign of its replica. */
const PROBE_LEASE = "3 seconds"

/**
 * A store in Redis, and one in memory for when there is none.
 *
 * What a call did is noted where it was admitted: generations of the memory are below 0, which those of Redis never are.
 */
export const layer = (link: Link): Layer.Layer<CircuitBreaker.CircuitBreakerStore> =>
  Layer.effect(
    CircuitBreaker.CircuitBreakerStore,
    Effect.gen(function* () {
      const shared = Context.get(
        yield* Layer.build(
          CircuitBreaker.layerStoreRedis({ prefix: link.key("circuit", ""), probeLease: PROBE_LEASE }).pipe(
            Layer.provide(Layer.succeed(Redis.Redis, link.redis))
          )
        ),
        CircuitBreaker.CircuitBreakerStore
      )
      const own = Context.get(yield* Layer.build(CircuitBreaker.layerStoreMemory()), CircuitBreaker.CircuitBreakerStore)
      const unlessFailed = <A, R>(
        first: Effect.Effect<A, CircuitBreaker.CircuitBreakerError, R>,
        second: Effect.Effect<A, CircuitBreaker.CircuitBreakerError, R>
      ) =>
        Effect.suspend(() =>
          link.isUp()
            ? Effect.catchIf(
                first,
                ({ reason }) => reason._tag === "CircuitBreakerStoreError",
                () => second
              )
            : second
        )
      const admitOwn = (key: string) =>
        Effect.map(own.admit(key), (admission) => ({ ...admission, generation: -1 - admission.generation }))
      return CircuitBreaker.CircuitBreakerStore.of({
        admit: (key) => unlessFailed(shared.admit(key), admitOwn(key)),
        // An outcome that cannot be noted is lost: the call is over, and must not fail for it.
        record: (outcome) =>
          outcome.generation < 0
            ? own.record({ ...outcome, generation: -1 - outcome.generation })
            : Effect.orElseSucceed(shared.record(outcome), () => undefined),
        state: (key) => unlessFailed(shared.state(key), own.state(key))
      })
    })
  )
