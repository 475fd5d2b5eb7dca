/**
 * As many attempts as it takes, within bounds.
 */
import * as SteadyTime from "@hb-sessions/app-kit/SteadyTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { Permanent, Transient } from "./AttemptFailed.ts"
import { Unreachable } from "./S3Error.ts"
import type { S3Limits } from "./S3Settings.ts"

/**
 * Repeats an attempt while it fails with `Transient`.
 *
 * **Details**
 *
 * The waits double from `baseMillis` to `maxDelayMillis`, each between 80 % and 120 % of its nominal length, and are
 * never shorter than the store asks for. A wait beyond `maxRetryAfterMillis` is not waited for.
 */
export const retrying = <A, E>(
  attempt: Effect.Effect<A, E>,
  limits: S3Limits
): Effect.Effect<A, Exclude<E, Transient> | Permanent> =>
  Effect.flatMap(SteadyTime.now, (started) => {
    let attempts = 0
    const counted = Effect.suspend(() => {
      attempts++
      return attempt
    })
    const isWorthRetry = (failed: E) =>
      Effect.map(
        SteadyTime.now,
        (now) =>
          failed instanceof Transient &&
          attempts <= limits.retries &&
          (failed.retryAfterMillis ?? 0) <= limits.maxRetryAfterMillis &&
          now - started < limits.retryForMillis
      )
    return counted.pipe(
      Effect.retry({ schedule: scheduleOf<E>(limits), while: isWorthRetry }),
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

const scheduleOf = <Failed>(limits: S3Limits) =>
  Schedule.exponential(Duration.millis(limits.baseMillis)).pipe(
    Schedule.modifyDelay(({ duration }) =>
      Effect.succeed(Duration.min(duration, Duration.millis(limits.maxDelayMillis)))
    ),
    Schedule.jittered,
    Schedule.setInputType<Failed>(),
    Schedule.modifyDelay(({ duration, input }) =>
      Effect.succeed(
        Duration.max(duration, Duration.millis(input instanceof Transient ? (input.retryAfterMillis ?? 0) : 0))
      )
    )
  )
