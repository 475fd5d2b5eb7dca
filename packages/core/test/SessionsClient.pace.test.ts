/**
 * What all the requests of one client share: their pace, a budget of retries, and what they count. On virtual time.
 */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Layer, Metric, Redacted } from "effect"
import { HttpClient, HttpClientResponse } from "effect/http"
import { TestClock } from "effect/testing"
import { CurrentRetryBudget, RetryBudget } from "../src/internal/RetryBudget.ts"
import { SessionsClient, type SessionsClientOptions } from "../src/SessionsClient.ts"
import { UpstreamUnavailable } from "../src/SessionsError.ts"
import { emptyPage } from "./upstream.ts"

/** Asks for the pages 1 to `pages` at once, and reports when each request was sent, in milliseconds. */
const readAtOnce = (pages: number, answer: (n: number) => Response, options: Partial<SessionsClientOptions> = {}) =>
  Effect.gen(function* () {
    const times: Array<number> = []
    const transport = HttpClient.make((request) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        times.push(now)
        return HttpClientResponse.fromWeb(request, answer(times.length))
      })
    )
    const fiber = yield* SessionsClient.pipe(
      Effect.flatMap((client) =>
        Effect.forEach(
          Array.from({ length: pages }, (_, i) => i + 1),
          (page) => Effect.exit(client.getPage({ page })),
          { concurrency: "unbounded" }
        )
      ),
      Effect.provide(
        SessionsClient.layerNoDeps({ apiKey: Redacted.make("key"), ...options }).pipe(
          Layer.provide(Layer.succeed(HttpClient.HttpClient, transport))
        )
      ),
      Effect.forkChild
    )
    yield* TestClock.adjust("1 hour")
    yield* Fiber.join(fiber)
    return times
  })

const ok = () => Response.json(emptyPage)
const tooMany = (seconds: number) => Response.json({}, { status: 429, headers: { "retry-after": String(seconds) } })

describe("pace", () => {
  it.effect("has no limit unless one is set", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* readAtOnce(5, ok), [0, 0, 0, 0, 0])
    })
  )

  it.effect("spaces requests evenly below the limit", () =>
    Effect.gen(function* () {
      const times = yield* readAtOnce(5, ok, { maxRequestsPerSecond: 10 })
      assert.deepStrictEqual(times, [0, 100, 200, 300, 400])
    })
  )

  it.effect("waits for what else admits requests, after its own pace", () =>
    Effect.gen(function* () {
      const times = yield* readAtOnce(3, ok, { maxRequestsPerSecond: 10, admit: Effect.sleep("1 second") })
      assert.deepStrictEqual(times, [1000, 1100, 1200])
    })
  )

  it.effect("holds every request back for as long as a 429 asks, one that comes later too", () =>
    Effect.gen(function* () {
      const times: Array<number> = []
      const transport = HttpClient.make((request) =>
        Effect.map(Clock.currentTimeMillis, (now) =>
          HttpClientResponse.fromWeb(request, times.push(now) === 1 ? tooMany(5) : ok())
        )
      )
      const program = Effect.gen(function* () {
        const client = yield* SessionsClient
        const rejected = yield* Effect.forkChild(client.getPage({ page: 1 }))
        yield* Effect.sleep("1 second")
        yield* client.getPage({ page: 2 })
        yield* Fiber.join(rejected)
      }).pipe(
        Effect.provide(
          SessionsClient.layerNoDeps({ apiKey: Redacted.make("key") }).pipe(
            Layer.provide(Layer.succeed(HttpClient.HttpClient, transport))
          )
        )
      )
      const fiber = yield* Effect.forkChild(program)
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(fiber)
      const [first, ...others] = times
      assert.strictEqual(first, 0)
      assert.lengthOf(others, 2)
      for (const time of others) assert.isAtLeast(time, 5000)
    })
  )

  it.effect("slows down after a 429, and speeds up again with every answer", () =>
    Effect.gen(function* () {
      const gaps: Array<number> = []
      let last = 0
      let calls = 0
      const transport = HttpClient.make((request) =>
        Effect.map(Clock.currentTimeMillis, (now) => {
          gaps.push(now - last)
          last = now
          return HttpClientResponse.fromWeb(request, calls++ < 4 ? tooMany(0) : ok())
        })
      )
      const options = { apiKey: Redacted.make("key"), retryBaseDelay: "1 millis", retryMaxDelay: "1 millis" } as const
      const fiber = yield* SessionsClient.pipe(
        Effect.flatMap((client) => Effect.repeat(client.getPage({}), { times: 60 })),
        Effect.provide(
          SessionsClient.layerNoDeps(options).pipe(Layer.provide(Layer.succeed(HttpClient.HttpClient, transport)))
        ),
        Effect.forkChild
      )
      yield* TestClock.adjust("1 hour")
      yield* Fiber.join(fiber)
      const slowest = Math.max(...gaps)
      assert.isAtLeast(slowest, 100)
      assert.isAbove(gaps[10] ?? 0, gaps[20] ?? 0)
      assert.strictEqual(gaps.at(-1), 0)
    })
  )
})

describe("a turn of the caller's own", () => {
  it.effect("is had by each attempt, without a time limit but the total one", () =>
    Effect.gen(function* () {
      let turns = 0
      const turn: SessionsClientOptions["turn"] = (attempt) =>
        Effect.suspend(() => {
          turns += 1
          return Effect.delay(attempt, "1 minute")
        })
      const options = { turn, attemptTimeout: "1 second", retries: 1, retryBaseDelay: 0 } as const
      const times = yield* readAtOnce(1, () => Response.json({}, { status: 503 }), options)
      assert.deepStrictEqual(times, [60_000, 120_000])
      assert.strictEqual(turns, 2)
    })
  )

  it.effect("that is not given is a failure without an attempt, which is not retried", () =>
    Effect.gen(function* () {
      let turns = 0
      const turn: SessionsClientOptions["turn"] = () =>
        Effect.suspend(() => {
          turns += 1
          return Effect.fail(new UpstreamUnavailable({ kind: "network", attempts: 0, detail: "not now" }))
        })
      assert.deepStrictEqual(yield* readAtOnce(3, ok, { turn }), [])
      assert.strictEqual(turns, 3)
    })
  )
})

describe("the budget of retries", () => {
  const outage = () => Response.json({}, { status: 503 })

  it.effect("bounds the retries of all requests of one read together", () =>
    Effect.gen(function* () {
      const times = yield* readAtOnce(100, outage).pipe(
        Effect.provideService(CurrentRetryBudget, RetryBudget.ofRead(7))
      )
      assert.lengthOf(times, 100 + 7)
    })
  )

  it.effect("is refilled by successes, so that a server that fails half of its requests can be read", () =>
    Effect.gen(function* () {
      const budget = RetryBudget.ofRead(32)
      let n = 0
      const times = yield* readAtOnce(400, () => (n++ % 2 === 0 ? outage() : ok()), { retries: 50 }).pipe(
        Effect.provideService(CurrentRetryBudget, budget)
      )
      assert.isAtLeast(times.length, 799)
    })
  )

  it.effect("of a client bounds the retries of all its requests, and a success earns a fifth of one", () =>
    Effect.gen(function* () {
      assert.lengthOf(yield* readAtOnce(100, outage, { retryBudget: 7 }), 100 + 7)
      // 100 successes earn 20 retries, of which no more than 7 are kept.
      const later = yield* readAtOnce(200, (n) => (n <= 100 ? ok() : outage()), { retryBudget: 7 })
      assert.lengthOf(later, 200 + 7)
    })
  )

  it.effect("is paid for retries that are made, and for no other", () =>
    Effect.gen(function* () {
      const left = (options: Partial<SessionsClientOptions>) =>
        Effect.gen(function* () {
          const budget = RetryBudget.ofRead(3)
          const spent = Effect.provideService(CurrentRetryBudget, budget)
          const before = yield* readAtOnce(2, outage, options).pipe(spent)
          // What is left of the budget.
          const after = yield* readAtOnce(1, outage, { retries: 10 }).pipe(spent)
          return [before.length, after.length]
        })
      assert.deepStrictEqual(yield* left({ retries: 0 }), [2, 1 + 3])
      assert.deepStrictEqual(yield* left({ retries: 1 }), [2 + 2, 1 + 1])
      // Those that were given up while they waited.
      assert.deepStrictEqual(yield* left({ totalTimeout: "1 millis" }), [2, 1 + 3])
      // Those that another budget did not allow.
      assert.deepStrictEqual(yield* left({ retryBudget: 1 }), [2 + 1, 1 + 2])
    })
  )

  it.effect("does not bound a request of its own", () =>
    Effect.gen(function* () {
      assert.lengthOf(yield* readAtOnce(20, outage), 20 * 6)
    })
  )
})

describe("metrics", () => {
  it.effect("count requests by status, retries, and time", () =>
    Effect.gen(function* () {
      yield* readAtOnce(3, (n) => (n === 2 ? Response.json({}, { status: 500 }) : ok()))
      const snapshot = yield* Metric.snapshot
      const counted = snapshot
        .filter((metric) => metric.id === "hb_sessions_requests")
        .map((metric) => [metric.attributes, metric.type === "Counter" ? metric.state.count : undefined])
      assert.deepStrictEqual(counted, [
        [{ status: "200" }, 3],
        [{ status: "500" }, 1]
      ])
      const retries = snapshot.find((metric) => metric.id === "hb_sessions_request_retries")
      assert.strictEqual(retries?.type === "Counter" ? retries.state.count : undefined, 1)
      const seconds = snapshot.find((metric) => metric.id === "hb_sessions_request_duration_seconds")
      assert.strictEqual(seconds?.type === "Histogram" ? seconds.state.count : undefined, 4)
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))
  )
})
