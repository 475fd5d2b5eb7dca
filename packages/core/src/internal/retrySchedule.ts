/**
 * When the next attempt of a failed request is made.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { SessionsErrorReason, UpstreamUnavailable } from "../SessionsError.ts"
import type { AttemptFailed } from "./attempt.ts"

/** Bounds of the delays between attempts. */
export interface RetryDelays {
  readonly base: Duration.Duration
  readonly max: Duration.Duration
}

/**
 * Exponential delays from `base`, doubled each time up to `max`, each between 80 % and 120 % of its nominal length;
 * never shorter than the server's `Retry-After`.
 */
export const retrySchedule = (delays: RetryDelays) =>
  Schedule.exponential(delays.base).pipe(
    Schedule.modifyDelay(({ duration }) => Effect.succeed(Duration.min(duration, delays.max))),
    Schedule.jittered,
    Schedule.setInputType<AttemptFailed | UpstreamUnavailable>(),
    Schedule.modifyDelay(({ duration, input }) =>
      Effect.succeed(
        Duration.max(
          duration,
          Duration.millis(retryAfterMillis(input._tag === "AttemptFailed" ? input.reason : input) ?? 0)
        )
      )
    )
  )

/** How long the server asks to wait, in milliseconds; absent when it does not tell. */
export const retryAfterMillis = (reason: SessionsErrorReason): number | undefined =>
  "retryAfterMillis" in reason ? reason.retryAfterMillis : undefined
