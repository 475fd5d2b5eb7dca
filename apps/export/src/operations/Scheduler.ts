/**
 * Runs a job at the times of a cron expression.
 */
import * as Clock from "effect/Clock"
import * as Cron from "effect/Cron"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"

/** When a job runs. */
export interface ScheduleOptions {
  /** Its time zone decides what an hour is when the clocks change. */
  readonly cron: Cron.Cron
  /** What becomes of times that passed while a run or the machine was busy: nothing, or one run for all of them. */
  readonly onMissed: "skip" | "once"
  readonly runAtStart: boolean
  /** Each run begins up to so much later. */
  readonly jitter: Duration.Duration
}

/** Timers cannot be longer than 24.8 days, and a machine that slept is noticed soon. */
const LONGEST_SLEEP = 60_000

/**
 * Runs a job again and again, never twice at a time, until it is interrupted.
 *
 * The job deals with its own failures. A time that does not exist when the clocks go forward is met once; whether one
 * that exists twice when they go back is met twice is up to `onDstOverlap` of the expression.
 */
export const run = Effect.fn("Scheduler.run")(function* <R>(
  options: ScheduleOptions,
  job: Effect.Effect<void, never, R>
) {
  let from = yield* Clock.currentTimeMillis
  if (options.runAtStart) yield* job
  for (;;) {
    const due = Cron.next(options.cron, from).getTime()
    const now = yield* Clock.currentTimeMillis
    // The times between `from` and now passed while nobody could look.
    const isMissed = now - due > LONGEST_SLEEP
    if (isMissed && options.onMissed === "skip") {
      yield* Effect.logWarning(`the run of ${new Date(due).toISOString()} was missed and is skipped`)
      from = now
      continue
    }
    if (isMissed) {
      yield* Effect.logWarning(`the run of ${new Date(due).toISOString()} was missed and is made up for`)
      from = now
    } else {
      yield* Effect.logInfo(`the next run is at ${new Date(due).toISOString()}`)
      const late = yield* Random.nextIntBetween(0, Math.max(1, Math.floor(Duration.toMillis(options.jitter)) + 1))
      yield* sleepUntil(due + late)
      const woke = yield* Clock.currentTimeMillis
      // A machine that slept through it wakes up late: the next round says so, or this run is for all that passed.
      const isLate = woke - due - late > LONGEST_SLEEP
      if (isLate && options.onMissed === "skip") continue
      from = isLate ? woke : due
    }
    yield* job
  }
})

const sleepUntil = Effect.fnUntraced(function* (time: number) {
  for (;;) {
    const left = time - (yield* Clock.currentTimeMillis)
    if (left <= 0) return
    yield* Effect.sleep(Math.min(left, LONGEST_SLEEP))
  }
})
