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
  /** In its own time zone. */
  readonly cron: Cron.Cron
  /** Whether missed runs are skipped or made up for with one run. */
  readonly onMissed: "skip" | "once"
  readonly runAtStart: boolean
  /** The longest random delay of each run. */
  readonly jitter: Duration.Duration
}

/** Timers cannot exceed 24.8 days, and waking up often notices a machine that slept. */
const LONGEST_SLEEP = 60_000

/** How far a clock may be set back before the schedule starts anew, in milliseconds. */
const CLOCK_TOLERANCE = 3_600_000

/**
 * Runs a job on schedule, never twice at a time, until it is interrupted.
 *
 * The job handles its own failures. A time that does not exist when clocks go forward runs once; whether one that exists
 * twice when they go back runs twice is up to `onDstOverlap` of the expression.
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
    // Set back far: what was due by the old time would be waited for until that comes again.
    if (from - now > CLOCK_TOLERANCE) {
      yield* Effect.logWarning(
        `the clock was set back to ${new Date(now).toISOString()}; the next run is scheduled again`
      )
      from = now
      continue
    }
    // The times between `from` and now passed during the last run.
    const isMissed = now - due > LONGEST_SLEEP
    if (isMissed && options.onMissed === "skip") {
      yield* Effect.logWarning(`skipping the missed run of ${new Date(due).toISOString()}`)
      from = now
      continue
    }
    if (isMissed) {
      yield* Effect.logWarning(`running now to make up for the missed run of ${new Date(due).toISOString()}`)
      from = now
    } else {
      yield* Effect.logInfo(`next run at ${new Date(due).toISOString()}`)
      const late = yield* Random.nextIntBetween(0, Math.max(1, Math.floor(Duration.toMillis(options.jitter)) + 1))
      if (!(yield* sleepUntil(due + late, from))) continue
      const woke = yield* Clock.currentTimeMillis
      // A machine that slept wakes up late: the next round logs it, or this run makes up for all missed ones.
      const isLate = woke - due - late > LONGEST_SLEEP
      if (isLate && options.onMissed === "skip") continue
      from = isLate ? woke : due
    }
    yield* job
  }
})

/** Whether the time came; false when the clock was set back to long before `from`. */
const sleepUntil = Effect.fnUntraced(function* (time: number, from: number) {
  for (;;) {
    const now = yield* Clock.currentTimeMillis
    const left = time - now
    if (left <= 0) return true
    if (from - now > CLOCK_TOLERANCE) return false
    yield* Effect.sleep(Math.min(left, LONGEST_SLEEP))
  }
})
