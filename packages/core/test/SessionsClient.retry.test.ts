/**
 * When the client tries again, on virtual time.
 */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Exit, Fiber, Layer, Redacted } from "effect"
import { HttpClient, HttpClientResponse } from "effect/http"
import { TestClock } from "effect/testing"
import { SessionsClient, type SessionsClientOptions } from "../src/SessionsClient.ts"
import { emptyPage } from "./upstream.ts"

/** Runs one `getPage` against the given answers and reports at which millisecond each request was sent. */
const timesOfRequests = (answer: (n: number, now: number) => Response, options: Partial<SessionsClientOptions> = {}) =>
  Effect.gen(function* () {
    const times: Array<number> = []
    const transport = HttpClient.make((request) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        times.push(now)
        return HttpClientResponse.fromWeb(request, answer(times.length, now))
      })
    )
    const fiber = yield* SessionsClient.pipe(
      Effect.flatMap((client) => client.getPage({})),
      Effect.provide(
        SessionsClient.layerNoDeps({ apiKey: Redacted.make("key"), ...options }).pipe(
          Layer.provide(Layer.succeed(HttpClient.HttpClient, transport))
        )
      ),
      Effect.exit,
      Effect.forkChild
    )
    yield* TestClock.adjust("1 hour")
    return { times, exit: yield* Fiber.join(fiber) }
  })

const busy = (headers: Record<string, string> = {}) => Response.json({}, { status: 503, headers })
const ok = () => Response.json(emptyPage)

describe("retries", () => {
  it.effect("waits as many seconds as Retry-After asks for, or a little longer, never less", () =>
    Effect.gen(function* () {
      const { exit, times } = yield* timesOfRequests((n) => (n === 1 ? busy({ "retry-after": "7" }) : ok()))
      assert.isTrue(Exit.isSuccess(exit))
      assert.deepStrictEqual(times, [0, 7000])
    })
  )

  it.effect("waits until the date that Retry-After names", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.UTC(2026, 0, 1))
      const date = "Thu, 01 Jan 2026 00:00:20 GMT"
      const { times } = yield* timesOfRequests((n) => (n === 1 ? busy({ "retry-after": date }) : ok()))
      assert.deepStrictEqual(times, [Date.UTC(2026, 0, 1), Date.UTC(2026, 0, 1, 0, 0, 20)])
    })
  )

  it.effect("measures a date in Retry-After by the clock of the server that sent it", () =>
    Effect.gen(function* () {
      const hour = 3_600_000
      const now = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
      const ahead = (millis: number) => new Date(now + hour + millis).toUTCString()
      const headers = { date: ahead(0), "retry-after": ahead(3000) }
      const { exit, times } = yield* timesOfRequests((n) => (n === 1 ? busy(headers) : ok()))
      assert.isTrue(Exit.isSuccess(exit))
      assert.isAtLeast((times[1] ?? 0) - (times[0] ?? 0), 3000)
      assert.isBelow((times[1] ?? 0) - (times[0] ?? 0), 6000)
    })
  )

  it.effect("fails at once when Retry-After is beyond the bound, and tells it", () =>
    Effect.gen(function* () {
      const tooMany = () => Response.json({}, { status: 429, headers: { "retry-after": "3600" } })
      const { exit, times } = yield* timesOfRequests(tooMany)
      assert.lengthOf(times, 1)
      const error = yield* Effect.flip(exit)
      assert.deepInclude(error.reason, { _tag: "RateLimited", retryAfterMillis: 3_600_000, attempts: 1 })
      assert.include(error.message, "try again in 3600 s")
    })
  )

  it.effect("doubles the delay up to its maximum, each between 80 % and 120 %", () =>
    Effect.gen(function* () {
      const options = { retries: 8, retryBaseDelay: "100 millis", retryMaxDelay: "1 second" } as const
      const { times } = yield* timesOfRequests(() => busy(), options)
      const delays = times.slice(1).map((time, i) => time - (times[i] ?? 0))
      const nominal = [100, 200, 400, 800, 1000, 1000, 1000, 1000]
      assert.lengthOf(delays, nominal.length)
      delays.forEach((delay, i) => {
        assert.isAtLeast(delay, (nominal[i] ?? 0) * 0.8 - 1)
        assert.isAtMost(delay, (nominal[i] ?? 0) * 1.2 + 1)
      })
      assert.isTrue(
        delays.some((delay, i) => Math.abs(delay - (nominal[i] ?? 0)) > 5),
        "the delays are not jittered"
      )
    })
  )

  it.effect("stops when the total time is used up", () =>
    Effect.gen(function* () {
      const options = { retries: 1000, retryMaxDelay: "10 seconds", totalTimeout: "1 minute" } as const
      const { exit, times } = yield* timesOfRequests(() => busy(), options)
      assert.isAtMost(times.at(-1) ?? 0, Duration.toMillis("1 minute"))
      const error = yield* Effect.flip(exit)
      assert.deepInclude(error.reason, { _tag: "UpstreamUnavailable", kind: "timeout", attempts: times.length })
    })
  )

  it.effect("does not retry at all when told so", () =>
    Effect.gen(function* () {
      const { times } = yield* timesOfRequests(() => busy(), { retries: 0 })
      assert.lengthOf(times, 1)
    })
  )
})
