/**
 * When the next attempt of a failed request is made.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Headers from "effect/http/Headers"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"

/** Bounds of the delays between attempts. */
export interface RetryDelays {
  readonly base: Duration.Duration
  readonly max: Duration.Duration
}

/**
 * Exponential delays from `base`, doubled each time up to `max`, each between 80 % and 120 % of its nominal length;
 * never shorter than the server asks for.
 *
 * `waitOf` tells how long that is, in milliseconds; undefined when the server did not say.
 */
export const retrySchedule = <Failed>({ base, max }: RetryDelays, waitOf: (failed: Failed) => number | undefined) =>
  Schedule.exponential(base).pipe(
    Schedule.modifyDelay(({ duration }) => Effect.succeed(Duration.min(duration, max))),
    Schedule.jittered,
    Schedule.setInputType<Failed>(),
    Schedule.modifyDelay(({ duration, input }) =>
      Effect.succeed(Duration.max(duration, Duration.millis(waitOf(input) ?? 0)))
    )
  )

/**
 * How long the `Retry-After` of an answer asks to wait, in milliseconds; undefined without one that can be read.
 *
 * A date is measured by the server's own clock, and by `now` only where the answer has no `Date`.
 */
export const retryAfterOf = (
  headers: Readonly<Record<string, string | undefined>>,
  now: number
): number | undefined => {
  const header = headers["retry-after"]
  if (header === undefined) return undefined
  const serverTime = Date.parse(headers["date"] ?? "")
  return Result.match(Headers.parseRetryAfter(header), {
    onFailure: () => undefined,
    onSuccess: (value) =>
      value._tag === "Duration"
        ? Duration.toMillis(value.duration)
        : Math.max(0, value.dateTime.epochMilliseconds - (Number.isNaN(serverTime) ? now : serverTime))
  })
}
