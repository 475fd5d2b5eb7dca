/**
 * The guards of the upstream, on virtual time.
 */
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Fiber, Layer, Redacted } from "effect"
import { HttpClient, HttpClientResponse } from "effect/http"
import { TestClock } from "effect/testing"
import * as Upstream from "../src/upstream/Upstream.ts"

const page = { sessions: [], totalCount: 0, page: 1, perPage: 10 }
const ok = () => Response.json(page)
const down = () => Response.json({}, { status: 503 })

const options: Upstream.UpstreamOptions = {
  account: undefined,
  apiKey: Redacted.make("some-key"),
  attemptTimeout: "10 seconds",
  totalTimeout: "25 seconds",
  retries: 0,
  maxRetryAfter: Duration.seconds(5),
  concurrency: 16,
  perSecond: undefined,
  breakerFailures: 1000,
  breakerOpen: Duration.seconds(5)
}

/** Asks for the pages 1 to `pages` at once; when each request was sent, in milliseconds, and what became of the pages. */
const askAtOnce = (
  pages: number,
  answer: (n: number) => Response,
  settings: Partial<Upstream.UpstreamOptions>,
  latency: Duration.Input = 0
) =>
  Effect.gen(function* () {
    const times: Array<number> = []
    const transport = HttpClient.make((request) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        times.push(now)
        return Effect.delay(Effect.succeed(HttpClientResponse.fromWeb(request, answer(times.length))), latency)
      })
    )
    const outcome = (number: number) =>
      Effect.flatMap(SessionsClient, (client) =>
        Effect.match(client.getPageResponse({ page: number }), {
          onFailure: ({ reason }) => ({
            tag: reason._tag,
            attempts: "attempts" in reason ? reason.attempts : undefined
          }),
          onSuccess: () => ({ tag: "Success", attempts: undefined })
        })
      )
    const fiber = yield* Effect.forEach(
      Array.from({ length: pages }, (_, index) => index + 1),
      outcome,
      { concurrency: "unbounded" }
    ).pipe(
      Effect.provide(
        Upstream.layer({ ...options, ...settings }).pipe(Layer.provide(Layer.succeed(HttpClient.HttpClient, transport)))
      ),
      Effect.forkChild
    )
    yield* TestClock.adjust("1 minute")
    return { times, outcomes: yield* Fiber.join(fiber) }
  })

const count = (outcomes: ReadonlyArray<{ readonly tag: string; readonly attempts: number | undefined }>, tag: string) =>
  outcomes.filter((one) => one.tag === tag).length

describe("the upstream", () => {
  it.effect("is held to its rate, however many ask, and those whose turn does not come are told so", () =>
    Effect.gen(function* () {
      const { outcomes, times } = yield* askAtOnce(40, ok, { perSecond: 10, totalTimeout: "1050 millis" })
      // A second holds ten, and one more at each edge.
      assert.isAtMost(times.length, 12)
      assert.isAtLeast(times.length, 9)
      assert.strictEqual(count(outcomes, "Success"), times.length)
      assert.deepStrictEqual(
        outcomes.filter(({ tag }) => tag !== "Success").map(({ tag, attempts }) => `${tag} ${attempts}`),
        Array.from({ length: 40 - times.length }, () => "UpstreamUnavailable 0")
      )
    })
  )

  it.effect("is asked again within the budget that all requests share", () =>
    Effect.gen(function* () {
      assert.lengthOf((yield* askAtOnce(30, down, { retries: 2, concurrency: 100 })).times, 30 + 20)
      assert.lengthOf((yield* askAtOnce(30, down, { retries: 0, concurrency: 100 })).times, 30)
    })
  )

  it.effect("gets none of the requests that wait when the circuit opens", () =>
    Effect.gen(function* () {
      const { outcomes, times } = yield* askAtOnce(50, down, { concurrency: 1, breakerFailures: 3 }, "10 millis")
      // The one that was next may go before the failure is counted.
      assert.isAtMost(times.length, 4)
      assert.strictEqual(outcomes.filter(({ attempts }) => attempts === 0).length, 50 - times.length)
    })
  )
})
