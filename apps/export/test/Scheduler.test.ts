import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as Cron from "../src/operations/Cron.ts"
import * as Scheduler from "../src/operations/Scheduler.ts"

/** The times at which a schedule runs within a span. */
const times = (
  expression: string,
  zone: string,
  start: string,
  span: Duration.Input,
  options: Partial<Scheduler.ScheduleOptions> = {},
  work: Duration.Input = 0
) =>
  Effect.gen(function* () {
    const ran: Array<string> = []
    yield* TestClock.setTime(Date.parse(start))
    const job = Effect.gen(function* () {
      ran.push(new Date(yield* Clock.currentTimeMillis).toISOString().slice(0, 16))
      yield* Effect.sleep(work)
    })
    const cron = yield* Cron.parse(expression, zone)
    const schedule = { cron, onMissed: "once", runAtStart: false, jitter: Duration.zero, ...options } as const
    const fiber = yield* Effect.forkChild(Scheduler.run(schedule, job))
    yield* TestClock.adjust(span)
    yield* Fiber.interrupt(fiber)
    return ran
  })

describe("a schedule", () => {
  it.effect("runs on schedule, not at startup", () =>
    Effect.gen(function* () {
      const ran = yield* times("0 2 * * *", "UTC", "2026-01-10T12:00:00Z", "2 days")
      assert.deepStrictEqual(ran, ["2026-01-11T02:00", "2026-01-12T02:00"])
    })
  )

  it.effect("runs at startup with --run-at-start", () =>
    Effect.gen(function* () {
      const ran = yield* times("0 2 * * *", "UTC", "2026-01-10T12:00:00Z", "1 day", { runAtStart: true })
      assert.deepStrictEqual(ran, ["2026-01-10T12:00", "2026-01-11T02:00"])
    })
  )

  it.effect("starts anew when a clock that was a year ahead is set right", () =>
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      let ahead = Duration.toMillis("365 days")
      const wrong: Clock.Clock = {
        ...clock,
        currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe() + ahead,
        currentTimeMillis: Effect.sync(() => clock.currentTimeMillisUnsafe() + ahead),
        sleep: (duration) => clock.sleep(duration)
      }
      yield* TestClock.setTime(Date.parse("2026-01-10T12:00:00Z"))
      const ran: Array<string> = []
      const job = Effect.map(Clock.currentTimeMillis, (now) => void ran.push(new Date(now).toISOString().slice(0, 16)))
      const cron = yield* Cron.parse("0 2 * * *", "UTC")
      const schedule = { cron, onMissed: "once", runAtStart: false, jitter: Duration.zero } as const
      const fiber = yield* Effect.forkChild(Effect.provideService(Scheduler.run(schedule, job), Clock.Clock, wrong))
      yield* TestClock.adjust("1 day")
      ahead = 0
      yield* TestClock.adjust("2 days")
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(ran, ["2027-01-11T02:00", "2026-01-12T02:00", "2026-01-13T02:00"])
    })
  )

  it.effect("keeps the hour of its time zone when the clocks go forward", () =>
    Effect.gen(function* () {
      const ran = yield* times("0 4 * * *", "Europe/Paris", "2026-03-27T12:00:00Z", "4 days")
      assert.deepStrictEqual(ran, ["2026-03-28T03:00", "2026-03-29T02:00", "2026-03-30T02:00", "2026-03-31T02:00"])
    })
  )

  it.effect("runs once when the hour is skipped, and once when it is repeated", () =>
    Effect.gen(function* () {
      const spring = yield* times("30 2 * * *", "Europe/Paris", "2026-03-28T12:00:00Z", "36 hours")
      assert.lengthOf(spring, 1)
      const autumn = yield* times("30 2 * * *", "Europe/Paris", "2026-10-24T12:00:00Z", "36 hours")
      assert.lengthOf(autumn, 1)
    })
  )

  it.effect("makes up for missed times with one run", () =>
    Effect.gen(function* () {
      const ran = yield* times("0 * * * *", "UTC", "2026-01-10T00:30:00Z", "6 hours", {}, "150 minutes")
      assert.deepStrictEqual(ran, ["2026-01-10T01:00", "2026-01-10T03:30", "2026-01-10T06:00"])
    })
  )

  it.effect("skips missed times", () =>
    Effect.gen(function* () {
      const ran = yield* times(
        "0 * * * *",
        "UTC",
        "2026-01-10T00:30:00Z",
        "6 hours",
        { onMissed: "skip" },
        "150 minutes"
      )
      assert.deepStrictEqual(ran, ["2026-01-10T01:00", "2026-01-10T04:00"])
    })
  )

  it.effect("delays runs by less than the jitter", () =>
    Effect.gen(function* () {
      const jitter = Duration.minutes(10)
      const ran = yield* times("0 2 * * *", "UTC", "2026-01-10T12:00:00Z", "5 days", { jitter })
      assert.lengthOf(ran, 5)
      assert.isTrue(ran.every((time) => /T02:0\d$|T02:10$/.test(time)))
      assert.isAbove(new Set(ran.map((time) => time.slice(11))).size, 1)
    })
  )

  it.effect("makes up with one run for all runs that a sleeping machine missed", () =>
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      let isAwake = false
      // The first sleep lasts five hours longer than it was meant to.
      const sleepy: Clock.Clock = Object.assign(Object.create(clock), {
        sleep: (duration: Duration.Duration) => {
          const late = isAwake ? Duration.zero : Duration.hours(5)
          isAwake = true
          return clock.sleep(Duration.sum(duration, late))
        }
      })
      const ran = yield* times("0 * * * *", "UTC", "2026-01-10T00:59:30Z", "7 hours").pipe(
        Effect.provideService(Clock.Clock, sleepy)
      )
      assert.deepStrictEqual(ran, ["2026-01-10T06:00", "2026-01-10T07:00"])
    })
  )

  it.effect("runs in both repetitions of an hour when hourly or more frequent", () =>
    Effect.gen(function* () {
      const hourly = yield* times("0 * * * *", "Europe/Paris", "2026-10-24T23:30:00Z", "4 hours")
      assert.deepStrictEqual(
        hourly.map((time) => time.slice(11)),
        ["00:00", "01:00", "02:00", "03:00"]
      )
      const quarterly = yield* times("*/15 * * * *", "Europe/Paris", "2026-10-24T23:50:00Z", "2 hours")
      assert.lengthOf(quarterly, 8)
      const nightly = yield* times("30 2 * * *", "Europe/Paris", "2026-10-24T12:00:00Z", "1 day")
      assert.deepStrictEqual(nightly, ["2026-10-25T00:30"])
    })
  )

  it.effect("supports the nicknames of cron", () =>
    Effect.gen(function* () {
      const start = "2026-01-30T22:30:00Z"
      assert.deepStrictEqual(yield* times("@hourly", "UTC", start, "1 hour"), ["2026-01-30T23:00"])
      assert.deepStrictEqual(yield* times("@daily", "UTC", start, "1 day"), ["2026-01-31T00:00"])
      assert.deepStrictEqual(yield* times("@weekly", "UTC", start, "3 days"), ["2026-02-01T00:00"])
      assert.deepStrictEqual(yield* times("@Monthly", "UTC", start, "2 days"), ["2026-02-01T00:00"])
    })
  )
})
