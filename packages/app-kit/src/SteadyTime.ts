/**
 * Time that only ever goes forward: for ages and waits, which a clock that is set back must not stretch.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

const NANOS_PER_MILLI = 1e6

/** Milliseconds since some moment in the past. */
export const nowUnsafe = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe()) / NANOS_PER_MILLI

/** As `nowUnsafe`, for the clock of the fiber. */
export const now: Effect.Effect<number> = Effect.clockWith((clock) => Effect.sync(() => nowUnsafe(clock)))

/** A clock whose time of day is steady time, for code that measures ages by the time of day. */
export const clockOf = (clock: Clock.Clock): Clock.Clock => ({
  currentTimeMillisUnsafe: () => nowUnsafe(clock),
  currentTimeMillis: Effect.sync(() => nowUnsafe(clock)),
  currentTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
  currentTimeNanos: clock.monotonicTimeNanos,
  monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
  monotonicTimeNanos: clock.monotonicTimeNanos,
  sleep: (duration) => clock.sleep(duration)
})
