/**
 * One page, with as many attempts as it takes.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as Metric from "effect/Metric"
import * as Redacted from "effect/Redacted"
import type { ListQuery } from "../ListQuery.ts"
import { SessionsError, Unauthorized, UpstreamUnavailable } from "../SessionsError.ts"
import { type Answer, attempt, type AttemptFailed, type AttemptSettings } from "./attempt.ts"
import { Pacer, steadyMillis } from "./Pacer.ts"
import { measured, retries } from "./requestMetrics.ts"
import { CurrentRetryBudget, type RetryBudget } from "./RetryBudget.ts"
import { retryAfterMillis, type RetryDelays, retrySchedule } from "./retrySchedule.ts"

/** What a client knows when it asks for a page. */
export interface RequestSettings extends AttemptSettings {
  readonly totalTimeout: Duration.Duration
  readonly retries: number
  readonly delays: RetryDelays
  /** In milliseconds. */
  readonly maxRetryAfter: number
  /** Undefined for no limit. */
  readonly maxRequestsPerSecond: number | undefined
}

/** Makes the function that fetches a page; all its calls share one pace. */
export const makeRequestPage = (
  http: HttpClient.HttpClient,
  settings: RequestSettings
): ((query: ListQuery) => Effect.Effect<Answer, SessionsError>) => {
  const pacer = new Pacer(settings.maxRequestsPerSecond)
  const schedule = retrySchedule(settings.delays)
  const sendable = isSendable(settings.apiKey)
  // Names and certificates that worked a moment ago may work again.
  let wasReached = false

  const mayRetry = (failed: AttemptFailed, budget: RetryBudget | undefined): boolean =>
    (failed.isTransient || (wasReached && isOfNetwork(failed))) &&
    (retryAfterMillis(failed.reason) ?? 0) <= settings.maxRetryAfter &&
    (budget === undefined || budget.spend())

  return (query) => {
    const page = query.page ?? 1
    const fail = (reason: SessionsError["reason"]) => Effect.fail(new SessionsError({ page, reason }))
    if (!sendable) return fail(unsendableKey)
    return Effect.flatMap(CurrentRetryBudget, (budget) => {
      let count = 0
      const oneAttempt = Effect.suspend(() => {
        count++
        const attributes = { page, attempt: count, ...(query.status === undefined ? {} : { status: query.status }) }
        return pacer.turn.pipe(
          Effect.andThen(count === 1 ? Effect.void : Metric.update(retries, 1)),
          Effect.andThen(measured(attempt(http, settings, query, count))),
          Effect.tapError((failed) => Effect.map(steadyMillis, (now) => slowDown(pacer, settings, failed, now))),
          Effect.tap(() =>
            Effect.sync(() => {
              wasReached = true
              pacer.recover()
              budget?.earn()
            })
          ),
          Effect.withSpan("SessionsClient.getPage", { kind: "client", attributes })
        )
      })
      return oneAttempt.pipe(
        Effect.retry({ schedule, times: settings.retries, while: (failed) => mayRetry(failed, budget) }),
        Effect.catch(({ reason }) => fail(reason)),
        Effect.timeoutOrElse({
          duration: settings.totalTimeout,
          orElse: () =>
            fail(new UpstreamUnavailable({ kind: "timeout", attempts: count, detail: "total time is used up" }))
        })
      )
    })
  }
}

const isOfNetwork = ({ reason }: AttemptFailed): boolean => reason._tag === "UpstreamUnavailable"

const slowDown = (pacer: Pacer, settings: RequestSettings, { reason }: AttemptFailed, now: number): void => {
  if (reason._tag !== "RateLimited") return
  pacer.slowDown(now, Math.min(reason.retryAfterMillis ?? 0, settings.maxRetryAfter))
}

/** Whether the key can stand in a header: an HTTP client would quote a key that cannot in its error. */
const isSendable = (apiKey: Redacted.Redacted): boolean => /^[\x21-\x7e]+$/.test(Redacted.value(apiKey))

const unsendableKey = new Unauthorized({
  detail: "the key is empty or holds a character that no header can carry, so nothing was sent"
})
