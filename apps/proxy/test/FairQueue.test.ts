/**
 * Turns at the upstream, on virtual time.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Claim } from "../src/upstream/Claim.ts"
import { CurrentWork, FairQueue, type WorkKind } from "../src/upstream/FairQueue.ts"

/** A queue, and a function that notes when the work of a token is at its turn. */
const setup = Effect.fnUntraced(function* (perSecond: number | undefined, concurrency = 16, takesMillis = 0) {
  const queue = yield* FairQueue.make({ concurrency, perSecond })
  const order: Array<string> = []
  const ask = (owner: string, kind: WorkKind = "page", claim = new Claim(owner)) =>
    queue
      .withTurn(
        Effect.andThen(
          Effect.sync(() => order.push(owner)),
          Effect.sleep(takesMillis)
        )
      )
      .pipe(Effect.provideService(CurrentWork, { claim, kind }), Effect.forkChild)
  const count = (owner: string) => order.filter((name) => name === owner).length
  return { order, ask, count }
})

const times = (count: number) => Array.from({ length: count })

describe("FairQueue", () => {
  it.effect("gives a token alone all that there is", () =>
    Effect.gen(function* () {
      const { ask, count } = yield* setup(20)
      yield* Effect.forEach(times(200), () => ask("a"))
      yield* TestClock.adjust("5 seconds")
      // Two were saved up.
      assert.isAtLeast(count("a"), 100)
      assert.isAtMost(count("a"), 103)
    }).pipe(Effect.scoped)
  )

  it.effect("serves a token that asks for little at once, however much another one has waiting", () =>
    Effect.gen(function* () {
      const { ask, count } = yield* setup(20)
      yield* Effect.forEach(times(1000), () => ask("greedy"))
      for (let turn = 1; turn <= 10; turn++) {
        yield* TestClock.adjust("510 millis")
        yield* ask("modest")
        yield* TestClock.adjust("1 millis")
        assert.strictEqual(count("modest"), turn)
      }
      assert.isAtLeast(count("greedy"), 85)
    }).pipe(Effect.scoped)
  )

  it.effect("divides what there is among tokens that want more", () =>
    Effect.gen(function* () {
      const { ask, count } = yield* setup(30)
      yield* Effect.forEach(times(1000), () => ask("a"))
      yield* TestClock.adjust("2 seconds")
      const before = count("a")
      yield* Effect.forEach(times(300), () => ask("b"))
      yield* Effect.forEach(times(300), () => ask("c"))
      yield* TestClock.adjust("10 seconds")
      for (const share of [count("a") - before, count("b"), count("c")]) {
        assert.isAtLeast(share, 98)
        assert.isAtMost(share, 103)
      }
    }).pipe(Effect.scoped)
  )

  it.effect("shares requests in flight too, for an upstream without a rate", () =>
    Effect.gen(function* () {
      const { ask, count } = yield* setup(undefined, 4, 100)
      yield* Effect.forEach(times(100), () => ask("a"))
      yield* TestClock.adjust("50 millis")
      assert.strictEqual(count("a"), 4)
      yield* Effect.forEach(times(2), () => ask("b"))
      yield* TestClock.adjust("60 millis")
      assert.strictEqual(count("b"), 2)
    }).pipe(Effect.scoped)
  )

  it.effect("lets a token's pages go before its lists, which go on all the same", () =>
    Effect.gen(function* () {
      const queue = yield* FairQueue.make({ concurrency: 1, perSecond: 10 })
      const order: Array<WorkKind> = []
      const ask = (kind: WorkKind) =>
        queue
          .withTurn(Effect.sync(() => order.push(kind)))
          .pipe(Effect.provideService(CurrentWork, { claim: new Claim("a"), kind }), Effect.forkChild)
      yield* Effect.forEach(times(10), () => ask("list"))
      yield* Effect.forEach(times(16), () => ask("page"))
      yield* TestClock.adjust("1 minute")
      const pagesFirst = [...times(7).map(() => "page"), "list"]
      // No other token was ahead of the first list.
      assert.deepStrictEqual(order.slice(0, 17), ["list", ...pagesFirst, ...pagesFirst])
      assert.lengthOf(order, 26)
    }).pipe(Effect.scoped)
  )

  it.effect("does shared work at the turn of the first of its owners", () =>
    Effect.gen(function* () {
      const { ask, count } = yield* setup(10)
      yield* Effect.forEach(times(50), () => ask("greedy"))
      const shared = new Claim("greedy")
      const fiber = yield* ask("shared", "page", shared)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(count("shared"), 0)
      shared.add("modest")
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(count("shared"), 1)
      yield* Fiber.join(fiber)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(count("shared"), 1)
      assert.strictEqual(count("greedy"), 50)
    }).pipe(Effect.scoped)
  )

  it.effect("gives no turn to those who have left", () =>
    Effect.gen(function* () {
      const { ask, count } = yield* setup(10, 1, 100)
      const fibers = yield* Effect.forEach(times(50), () => ask("leaver"))
      yield* TestClock.adjust("50 millis")
      yield* Fiber.interruptAll(fibers)
      yield* ask("next")
      yield* TestClock.adjust("200 millis")
      assert.deepStrictEqual([count("leaver"), count("next")], [1, 1])
    }).pipe(Effect.scoped)
  )
})
