import { assert, describe, it } from "@effect/vitest"
import { Clock, Cron, Duration, Effect, Fiber, Result } from "effect"
import { TestClock } from "effect/testing"
import * as Scheduler from "../src/Scheduler.ts"

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
    const cron = Result.getOrThrow(Cron.parse(expression, zone))
    const schedule = { cron, onMissed: "once", runAtStart: false, jitter: Duration.zero, ...options } as const
    const fiber = yield* Effect.forkChild(Scheduler.run(schedule, job))
    yield* TestClock.adjust(span)
    yield* Fiber.interrupt(fiber)
    return ran
  })

describe("a schedule", () => {
  it.effect("runs at its times, and not at the start", () =>
    Effect.gen(function* () {
      const ran = yield* times("0 2 * * *", "UTC", "2026-01-10T12:00:00Z", "2 days")
      assert.deepStrictEqual(ran, ["2026-01-11T02:00", "2026-01-12T02:00"])
    })
  )

  it.effect("runs at the start when it is told to", () =>
    Effect.gen(function* () {
      const ran = yield* times("0 2 * * *", "UTC", "2026-01-10T12:00:00Z", "1 day", { runAtStart: true })
      assert.deepStrictEqual(ran, ["2026-01-10T12:00", "2026-01-11T02:00"])
    })
  )

  it.effect("keeps the hour of its time zone when the clocks go forward", () =>
    Effect.gen(function* () {
      const ran = yield* times("0 4 * * *", "Europe/Paris", "2026-03-27T12:00:00Z", "4 days")
      assert.deepStrictEqual(ran, ["2026-03-28T03:00", "2026-03-29T02:00", "2026-03-30T02:00", "2026-03-31T02:00"])
    })
  )

  it.effect("runs once in the night that has no such hour, and once in the night that has it twice", () =>
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

  it.effect("begins later by less than the jitter", () =>
    Effect.gen(function* () {
      const jitter = Duration.minutes(10)
      const ran = yield* times("0 2 * * *", "UTC", "2026-01-10T12:00:00Z", "5 days", { jitter })
      assert.lengthOf(ran, 5)
      assert.isTrue(ran.every((time) => /T02:0\d$|T02:10$/.test(time)))
      assert.isAbove(new Set(ran.map((time) => time.slice(11))).size, 1)
    })
  )
})
