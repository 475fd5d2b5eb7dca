import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Fiber, Schema, Stream } from "effect"
import { inOrder } from "../src/internal/scan/inOrder.ts"

/** The numbers from 1 to `last`. */
const upTo = (last: number) => {
  let at = 0
  return () => (at < last ? ++at : undefined)
}

/** What is under way, and how much of it was at most. */
const counting = () => {
  const running = new Set<number>()
  const seen = { most: 0, interrupted: [] as Array<number> }
  const run = <A, E>(input: number, effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.suspend(() => {
      running.add(input)
      seen.most = Math.max(seen.most, running.size)
      return effect
    }).pipe(
      Effect.onInterrupt(() => Effect.sync(() => void seen.interrupted.push(input))),
      Effect.ensuring(Effect.sync(() => void running.delete(input)))
    )
  return { running, seen, run }
}

describe("inOrder", () => {
  it.effect.prop(
    "gives what each input became, in the order of the inputs, whichever is done first",
    {
      delays: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9 }))),
      concurrency: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 5 }))
    },
    ({ concurrency, delays }) =>
      Effect.gen(function* () {
        const { running, run, seen } = counting()
        let at = 0
        const next = () => (at < delays.length ? at++ : undefined)
        const turns = (count: number) => Effect.forEach(Array.from({ length: count }), () => Effect.yieldNow)
        const given = yield* inOrder({
          next,
          concurrency,
          run: (input) => run(input, Effect.as(turns(delays[input] ?? 0), input))
        }).pipe(Stream.runCollect)
        assert.deepStrictEqual(
          given,
          delays.map((_, index) => index)
        )
        assert.isAtMost(seen.most, concurrency)
        assert.strictEqual(running.size, 0)
      })
  )

  it.effect("runs as many as it may, and asks for no more inputs than that", () =>
    Effect.gen(function* () {
      const { run, seen } = counting()
      let asked = 0
      const inputs = upTo(100)
      const next = () => {
        asked++
        return inputs()
      }
      const given = yield* inOrder({ next, concurrency: 16, run: (input) => run(input, Effect.yieldNow) }).pipe(
        Stream.take(1),
        Stream.runCollect
      )
      assert.lengthOf(given, 1)
      assert.strictEqual(seen.most, 16)
      assert.strictEqual(asked, 16)
    })
  )

  it.effect("gives everything that came before a failure, and interrupts what came after it", () =>
    Effect.gen(function* () {
      const { running, run, seen } = counting()
      const given: Array<number> = []
      const work = (input: number) =>
        input === 5 ? Effect.fail("no 5") : input > 5 ? Effect.never : Effect.as(Effect.yieldNow, input)
      const exit = yield* inOrder({ next: upTo(9), concurrency: 8, run: (input) => run(input, work(input)) }).pipe(
        Stream.runForEach((input) => Effect.sync(() => void given.push(input))),
        Effect.exit
      )
      assert.deepStrictEqual(exit, Exit.fail("no 5"))
      assert.deepStrictEqual(given, [1, 2, 3, 4])
      assert.deepStrictEqual(seen.interrupted.toSorted(), [6, 7, 8, 9])
      assert.strictEqual(running.size, 0)
    })
  )

  it.effect("passes on a defect", () =>
    Effect.gen(function* () {
      const exit = yield* inOrder({ next: upTo(3), concurrency: 2, run: () => Effect.die("broken") }).pipe(
        Stream.runDrain,
        Effect.exit
      )
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
    })
  )

  it.effect("interrupts what is under way when it is over, and before what follows begins", () =>
    Effect.gen(function* () {
      const { running, run, seen } = counting()
      let last = 0
      const stream = inOrder({
        next: upTo(100),
        concurrency: 4,
        run: (input) => run(input, input > 3 ? Effect.never : Effect.succeed(input)),
        isOver: () => last === 3
      }).pipe(Stream.tap((input) => Effect.sync(() => void (last = input))))
      const then = Stream.sync(() => running.size)
      assert.deepStrictEqual(yield* Stream.runCollect(Stream.concat(stream, then)), [1, 2, 3, 0])
      assert.deepStrictEqual(seen.interrupted.toSorted(), [4, 5, 6])
    })
  )

  it.effect("interrupts what is under way when it is interrupted", () =>
    Effect.gen(function* () {
      const { running, run, seen } = counting()
      const started = yield* Deferred.make<void>()
      const work = (input: number) =>
        input === 4 ? Effect.andThen(Deferred.succeed(started, undefined), Effect.never) : Effect.never
      const reading = yield* inOrder({ next: upTo(9), concurrency: 4, run: (input) => run(input, work(input)) }).pipe(
        Stream.runDrain,
        Effect.forkChild
      )
      yield* Deferred.await(started)
      yield* Fiber.interrupt(reading)
      assert.deepStrictEqual(seen.interrupted.toSorted(), [1, 2, 3, 4])
      assert.strictEqual(running.size, 0)
    })
  )
})
