/**
 * As many attempts as it takes, within bounds.
 *
 * The waits are those of core's client; when to stop is not. There is no budget, as few requests to a store run at once.
 * The time limit is for the start of the last attempt, not for its end: a large file may take long, as long as it moves.
 */
import * as SteadyTime from "@hb-sessions/app-kit/SteadyTime"
import { retrySchedule } from "@hb-sessions/core/retrySchedule"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { Permanent, Transient } from "./AttemptFailed.ts"
import { Unreachable } from "./S3Error.ts"
import type { S3Limits } from "./S3Settings.ts"

/** Repeats an attempt while it fails with `Transient`; not if the store asks for more than `maxRetryAfterMillis`. */
export const retrying = <A, E>(
  attempt: Effect.Effect<A, E>,
  limits: S3Limits
): Effect.Effect<A, Exclude<E, Transient> | Permanent> =>
  Effect.flatMap(SteadyTime.now, (started) => {
    const delays = { base: Duration.millis(limits.baseMillis), max: Duration.millis(limits.maxDelayMillis) }
    let attempts = 0
    const counted = Effect.suspend(() => {
      attempts++
      return attempt
    })
    const waitOf = (failed: E) => (failed instanceof Transient ? failed.retryAfterMillis : undefined)
    const isWorthRetry = (failed: E) =>
      Effect.map(
        SteadyTime.now,
        (now) =>
          failed instanceof Transient &&
          attempts <= limits.retries &&
          (waitOf(failed) ?? 0) <= limits.maxRetryAfterMillis &&
          now - started < limits.retryForMillis
      )
    return counted.pipe(
      Effect.retry({ schedule: retrySchedule(delays, waitOf), while: isWorthRetry }),
      Effect.mapError((failed) =>
        failed instanceof Transient
          ? new Permanent({
              reason: new Unreachable({ attempts, detail: failed.detail }),
              requestId: failed.requestId
            })
          : (failed as Exclude<E, Transient>)
      )
    )
  })
