import { assert, describe, it } from "@effect/vitest"
import { Cause, Clock, Duration, Effect, Exit, Fiber, Option } from "effect"
import { TestClock } from "effect/testing"
import { Deadlines } from "../src/internal/Deadlines.ts"

/** Counts the timers that are set, and those that still run, while it is used. */
const countingTimers = Effect.gen(function* () {
  const clock = yield* Clock.Clock
  const timers = { set: 0, running: 0 }
  const counting: Clock.Clock = Object.create(clock, {
    sleep: {
      value: (duration: Duration.Duration) =>
        Effect.suspend(() => {
          timers.set++
          timers.running++
          return clock.sleep(duration)
        }).pipe(Effect.ensuring(Effect.sync(() => void timers.running--)))
    }
  })
  return { timers, counted: Effect.provideService(Clock.Clock, counting) }
})

const second = () => new Deadlines(Duration.seconds(1))

describe("deadlines", () => {
  it.effect("pass on what is done in time, failures and defects too", () =>
    Effect.gen(function* () {
      const deadlines = second()
      assert.deepStrictEqual(yield* deadlines.within(Effect.succeed(1)), Option.some(1))
      assert.deepStrictEqual(yield* deadlines.within(Effect.as(Effect.yieldNow, 2)), Option.some(2))
      assert.deepStrictEqual(yield* Effect.exit(deadlines.within(Effect.fail("no"))), Exit.fail("no"))
      const died = yield* Effect.exit(deadlines.within(Effect.die("broken")))
      assert.isTrue(Exit.isFailure(died) && Cause.hasDies(died.cause))
    })
  )

  it.effect("end each effect when its own time is over, and interrupt it", () =>
    Effect.gen(function* () {
      const deadlines = second()
      const ended: Array<string> = []
      const begin = (name: string, work: Effect.Effect<unknown> = Effect.never) =>
        deadlines
          .within(Effect.onInterrupt(work, () => Effect.sync(() => void ended.push(`${name} interrupted`))))
          .pipe(
            Effect.tap((result) => Effect.sync(() => void ended.push(`${name} ${result._tag}`))),
            Effect.forkChild({ startImmediately: true })
          )
      yield* begin("first")
      yield* TestClock.adjust("400 millis")
      yield* begin("quick", Effect.sleep("100 millis"))
      yield* begin("second")
      yield* TestClock.adjust("599 millis")
      assert.deepStrictEqual(ended, ["quick Some"])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(ended.splice(0), ["quick Some", "first interrupted", "first None"])
      yield* TestClock.adjust("399 millis")
      assert.deepStrictEqual(ended, [])
      yield* begin("third")
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(ended.splice(0), ["second interrupted", "second None"])
      yield* TestClock.adjust("1 seconds")
      assert.deepStrictEqual(ended, ["third interrupted", "third None"])
    })
  )

  it.effect("set one timer for many, and none once all are done", () =>
    Effect.gen(function* () {
      const { counted, timers } = yield* countingTimers
      const deadlines = second()
      const turns = Effect.forEach(Array.from({ length: 20 }), () => Effect.yieldNow)
      yield* Effect.forEach(Array.from({ length: 500 }), () => deadlines.within(turns), { concurrency: 16 }).pipe(
        counted
      )
      assert.isAtLeast(timers.set, 1)
      assert.isAtMost(timers.set, 5)
      yield* Effect.yieldNow
      assert.strictEqual(timers.running, 0)
    })
  )

  it.effect("interrupt what is under way when they are interrupted", () =>
    Effect.gen(function* () {
      const { counted, timers } = yield* countingTimers
      let isInterrupted = false
      const work = Effect.onInterrupt(Effect.never, () => Effect.sync(() => void (isInterrupted = true)))
      const waiting = yield* second()
        .within(work)
        .pipe(counted, Effect.forkChild({ startImmediately: true }))
      yield* Fiber.interrupt(waiting)
      assert.isTrue(isInterrupted)
      yield* Effect.yieldNow
      assert.deepStrictEqual(timers, { set: 1, running: 0 })
    })
  )

  it.effect("set no timer where there is no end", () =>
    Effect.gen(function* () {
      const { counted, timers } = yield* countingTimers
      const done = yield* new Deadlines(Duration.infinity).within(Effect.as(Effect.yieldNow, 1)).pipe(counted)
      assert.deepStrictEqual(done, Option.some(1))
      assert.strictEqual(timers.set, 0)
    })
  )
})
