/**
 * The cache by itself, on virtual time.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Ref } from "effect"
import { TestClock } from "effect/testing"
import { ByteCache } from "../src/cache/ByteCache.ts"
import { anything } from "../src/http/RequestCacheControl.ts"

const options = {
  fresh: "2 seconds",
  staleWhileRevalidate: "30 seconds",
  staleIfError: "5 minutes",
  patience: "2 seconds",
  negative: "5 seconds",
  maxBytes: 1e6
}

interface Value {
  readonly cost: number
  readonly version: number
  readonly takeOver?: (older: Value) => number
}

type Failure = "outage" | "rejected" | "absent"

const make = (overrides: Partial<typeof options> = {}) =>
  Effect.map(
    ByteCache.make<Value, Failure>({ ...options, ...overrides } as never, {
      kindOf: (error) => (error === "outage" ? "outage" : error === "absent" ? "negative" : "other"),
      encode: (error) => error,
      decode: (text) => text as Failure
    }),
    (cache) => ({
      cache,
      get: <R>(key: string, load: Effect.Effect<Value, Failure, R>, owner = "me") => cache.get(key, owner, () => load)
    })
  )

const value = (version: number, cost = 10): Value => ({ cost, version })

/** Counts its runs and succeeds with their number, unless it is told to fail. */
const counting = Effect.gen(function* () {
  const count = yield* Ref.make(0)
  const failure = yield* Ref.make<Failure | undefined>(undefined)
  const load = Effect.gen(function* () {
    const version = yield* Ref.updateAndGet(count, (n) => n + 1)
    const error = yield* Ref.get(failure)
    return error === undefined ? value(version) : yield* Effect.fail(error)
  })
  return { count: Ref.get(count), fail: (error: Failure | undefined) => Ref.set(failure, error), load }
})

const versionAndState = ({ state, value: { version } }: { value: Value; state: string }) => [version, state]

describe("ByteCache", () => {
  it.effect("answers without asking while fresh, then at once while it asks, then after it asked", () =>
    Effect.gen(function* () {
      const cache = yield* make()
      const { count, load } = yield* counting
      const get = Effect.map(cache.get("a", load), versionAndState)
      assert.deepStrictEqual(yield* get, [1, "miss"])
      yield* TestClock.adjust("1999 millis")
      assert.deepStrictEqual(yield* get, [1, "hit"])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(yield* get, [1, "stale"])
      yield* Effect.yieldNow
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(yield* get, [2, "hit"])
      yield* TestClock.adjust("32 seconds")
      assert.deepStrictEqual(yield* get, [3, "miss"])
      assert.strictEqual(yield* count, 3)
    }).pipe(Effect.scoped)
  )

  it.effect("asks once behind the scenes however many are given the old answer", () =>
    Effect.gen(function* () {
      const cache = yield* make()
      const { count, load } = yield* counting
      yield* cache.get("a", load)
      yield* TestClock.adjust("3 seconds")
      const slow = Effect.andThen(Effect.sleep("1 second"), load)
      for (let i = 0; i < 5; i++) assert.strictEqual((yield* cache.get("a", slow)).state, "stale")
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* count, 2)
    }).pipe(Effect.scoped)
  )

  it.effect("gives the old answer when asking fails, for as long as allowed, and only for outages", () =>
    Effect.gen(function* () {
      const cache = yield* make()
      const { fail, load } = yield* counting
      const get = cache.get("a", load)
      yield* get
      yield* fail("outage")
      yield* TestClock.adjust("60 seconds")
      assert.deepStrictEqual(versionAndState(yield* get), [1, "stale-error"])
      yield* fail("rejected")
      assert.strictEqual(yield* Effect.flip(get), "rejected")
      yield* fail("outage")
      yield* TestClock.adjust("241999 millis")
      assert.deepStrictEqual(versionAndState(yield* get), [1, "stale-error"])
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* Effect.flip(get), "outage")
    }).pipe(Effect.scoped)
  )

  it.effect("shares one fetch among those who wait", () =>
    Effect.gen(function* () {
      const cache = yield* make()
      const { count, load } = yield* counting
      const slow = Effect.andThen(Effect.sleep("1 second"), load)
      const fibers = yield* Effect.forEach([1, 2, 3], () => Effect.forkChild(cache.get("a", slow)))
      yield* TestClock.adjust("1 second")
      const found = yield* Effect.forEach(fibers, Fiber.join)
      assert.deepStrictEqual(found.map(versionAndState), [
        [1, "miss"],
        [1, "collapsed"],
        [1, "collapsed"]
      ])
      assert.strictEqual(yield* count, 1)
    }).pipe(Effect.scoped)
  )

  it.effect("keeps what a client that wants nothing kept has fetched, if another one waits for it too", () =>
    Effect.gen(function* () {
      const { cache } = yield* make()
      const { count, load } = yield* counting
      const slow = Effect.andThen(Effect.sleep("1 second"), load)
      const unkept = { ...anything, mayKeep: false }
      for (const [others, kept] of [
        [[unkept], undefined],
        [[unkept, anything], 2]
      ] as const) {
        const fibers = yield* Effect.forEach([unkept, ...others], (wish) =>
          Effect.forkChild(cache.get("a", "me", () => slow, wish))
        )
        yield* TestClock.adjust("1 second")
        yield* Effect.forEach(fibers, Fiber.join)
        assert.strictEqual(cache.peek("a", 0)?.value.version, kept)
      }
      assert.strictEqual(yield* count, 2)
    }).pipe(Effect.scoped)
  )

  it.effect("goes on for the others when the first one leaves, and ends when the last one does", () =>
    Effect.gen(function* () {
      const cache = yield* make()
      const interrupted = yield* Deferred.make<void>()
      const { count, load } = yield* counting
      const slow = Effect.andThen(Effect.sleep("1 second"), load).pipe(
        Effect.onInterrupt(() => Deferred.succeed(interrupted, undefined))
      )
      const first = yield* Effect.forkChild(cache.get("a", slow))
      const second = yield* Effect.forkChild(cache.get("a", slow))
      yield* TestClock.adjust("500 millis")
      yield* Fiber.interrupt(first)
      assert.isFalse(yield* Deferred.isDone(interrupted))
      yield* TestClock.adjust("500 millis")
      assert.deepStrictEqual(versionAndState(yield* Fiber.join(second)), [1, "collapsed"])

      const alone = yield* Effect.forkChild(cache.get("b", slow))
      yield* TestClock.adjust("500 millis")
      yield* Fiber.interrupt(alone)
      assert.isTrue(yield* Deferred.isDone(interrupted))
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(yield* count, 1)
    }).pipe(Effect.scoped)
  )

  it.effect("keeps no failure, and gives it to all that waited", () =>
    Effect.gen(function* () {
      const cache = yield* make()
      const { count, fail, load } = yield* counting
      yield* fail("outage")
      const slow = Effect.andThen(Effect.sleep("1 second"), load)
      const fibers = yield* Effect.forEach([1, 2], () => Effect.forkChild(Effect.flip(cache.get("a", slow))))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Effect.forEach(fibers, Fiber.join), ["outage", "outage"])
      assert.strictEqual(yield* count, 1)
      yield* Effect.flip(cache.get("a", load))
      assert.strictEqual(yield* count, 2)
    }).pipe(Effect.scoped)
  )

  it.effect("stays within its bytes, and drops what was used longest ago", () =>
    Effect.gen(function* () {
      const cache = yield* make({ maxBytes: 6500 })
      const put = (key: string, size: number) => cache.get(key, Effect.succeed(value(1, size)))
      yield* put("a", 1000)
      yield* put("b", 1000)
      yield* put("c", 1000)
      yield* put("d", 1000)
      assert.isDefined(cache.cache.peek("a", 0))
      yield* put("e", 1000)
      assert.isAtMost(cache.cache.bytes, 6500)
      assert.isUndefined(cache.cache.peek("b", 0))
      assert.isDefined(cache.cache.peek("a", 0))
      yield* put("large", 5000)
      assert.isUndefined(cache.cache.peek("large", 0))
      assert.strictEqual(cache.cache.size, 4)
    }).pipe(Effect.scoped)
  )

  it.effect("keeps nothing when it has no room", () =>
    Effect.gen(function* () {
      const cache = yield* make({ maxBytes: 0 })
      const { count, load } = yield* counting
      yield* cache.get("a", load)
      yield* cache.get("a", load)
      assert.strictEqual(yield* count, 2)
    }).pipe(Effect.scoped)
  )

  it.effect("gives the old answer when a fetch takes too long, which goes on for the next one", () =>
    Effect.gen(function* () {
      const cache = yield* make()
      const { count, load } = yield* counting
      yield* cache.get("a", load)
      yield* TestClock.adjust("60 seconds")
      const slow = Effect.andThen(Effect.sleep("10 seconds"), load)
      const first = yield* Effect.forkChild(cache.get("a", slow))
      // It takes some steps until the fetch sleeps.
      yield* Effect.repeat(Effect.yieldNow, { times: 10 })
      yield* TestClock.adjust("1999 millis")
      assert.isUndefined(first.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(versionAndState(yield* Fiber.join(first)), [1, "stale-error"])
      // Who comes later waits no second time for the same fetch.
      assert.deepStrictEqual(versionAndState(yield* cache.get("a", slow)), [1, "stale-error"])
      yield* TestClock.adjust("8 seconds")
      yield* Effect.yieldNow
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(versionAndState(yield* cache.get("a", slow)), [2, "hit"])
      assert.strictEqual(yield* count, 2)
    }).pipe(Effect.scoped)
  )

  it.effect("tells what cannot be found again without asking, for a short time", () =>
    Effect.gen(function* () {
      const cache = yield* make()
      const { count, fail, load } = yield* counting
      yield* fail("absent")
      assert.strictEqual(yield* Effect.flip(cache.get("a", load)), "absent")
      yield* TestClock.adjust("4999 millis")
      assert.strictEqual(yield* Effect.flip(cache.get("a", load)), "absent")
      assert.strictEqual(yield* count, 1)
      assert.strictEqual(cache.cache.size, 1)
      yield* fail(undefined)
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(versionAndState(yield* cache.get("a", load)), [2, "miss"])
    }).pipe(Effect.scoped)
  )

  it.effect("counts keys and failures too, so that they cannot take more than the room", () =>
    Effect.gen(function* () {
      const cache = yield* make({ maxBytes: 100_000 })
      for (let index = 0; index < 100; index++) {
        yield* cache.get(`${index}${"k".repeat(8000)}`, Effect.succeed(value(1, 10)))
        yield* Effect.flip(cache.get(`absent ${index}`, Effect.fail("absent" as const)))
      }
      assert.isAtMost(cache.cache.bytes, 100_000)
      assert.isAtMost(cache.cache.size, 24)
    }).pipe(Effect.scoped)
  )

  it.effect(
    "counts what an answer grows by, makes room for it, and grows neither what has no room nor what has gone",
    () =>
      Effect.gen(function* () {
        const { cache, get } = yield* make({ maxBytes: 4000 })
        const { value: first } = yield* get("a", Effect.succeed(value(1)))
        const { value: second } = yield* get("b", Effect.succeed(value(2)))
        const before = cache.bytes
        assert.isTrue(cache.grow("a", first, 300))
        assert.strictEqual(cache.bytes, before + 300)
        // More than a quarter.
        assert.isFalse(cache.grow("a", first, 500))
        assert.isFalse(cache.grow("a", value(1), 1))
        assert.isFalse(cache.grow("c", first, 1))
        assert.strictEqual(cache.bytes, before + 300)
        for (let index = 0; index < 6; index++) yield* get(`d${index}`, Effect.succeed(value(3)))
        assert.isAtMost(cache.bytes, 4000)
        const size = cache.size
        const { value: last } = yield* get("e", Effect.succeed(value(4)))
        assert.isTrue(cache.grow("e", last, 500))
        assert.isAtMost(cache.bytes, 4000)
        assert.isBelow(cache.size, size + 1)
        assert.isFalse(cache.grow("b", second, 1))
      }).pipe(Effect.scoped)
  )

  it.effect("lets an answer take over what was made of the one before, and counts it", () =>
    Effect.gen(function* () {
      const { cache, get } = yield* make()
      const taking = (version: number): Value => ({ ...value(version), takeOver: (older) => older.version * 100 })
      yield* get("a", Effect.succeed(taking(1)))
      const before = cache.bytes
      yield* TestClock.adjust("10 minutes")
      yield* get("a", Effect.succeed(taking(2)))
      assert.strictEqual(cache.bytes, before + 100)
    }).pipe(Effect.scoped)
  )

  it.effect("takes answers from elsewhere as old as each client lets them be, and counts their age", () =>
    Effect.gen(function* () {
      const { cache } = yield* make()
      const limits: Array<number> = []
      /** One that is there for 1.5 seconds already, for those who take it. */
      const elsewhere = (wish = anything) =>
        cache.get(
          "a",
          "me",
          (_, terms) =>
            Effect.delay(
              Effect.sync(() => {
                limits.push(terms.maxAgeMillis)
                if (terms.maxAgeMillis < 1500) return value(2)
                terms.ageMillis = 1500
                return value(1)
              }),
              "1 second"
            ),
          wish
        )
      const lenient = yield* Effect.forkChild(elsewhere())
      const strict = yield* Effect.forkChild(elsewhere({ ...anything, maxAgeMillis: -1 }))
      yield* TestClock.adjust("1 second")
      const found = yield* Fiber.join(lenient)
      assert.deepStrictEqual(versionAndState(found), [1, "hit"])
      assert.strictEqual(cache.freshFor(found.storedAt, 1000), 500)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(versionAndState(yield* Fiber.join(strict)), [2, "collapsed"])
      assert.deepStrictEqual(limits, [32_000, -1])
    })
  )
})
