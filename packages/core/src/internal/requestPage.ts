/**
 * One page, with as many attempts as it takes.
 */
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Tracer from "effect/Tracer"
import type { ListQuery } from "../ListQuery.ts"
import { type RetryDelays, retrySchedule } from "../retrySchedule.ts"
import { SessionsError, type SessionsErrorReason, Unauthorized, UpstreamUnavailable } from "../SessionsError.ts"
import { RejectedApiKey } from "../RejectedApiKey.ts"
import { type Answer, attempt, AttemptFailed, type AttemptSettings, retryAfterMillis } from "./attempt.ts"
import type { Deadlines } from "./Deadlines.ts"
import { Pacer, steadyMillis } from "./Pacer.ts"
import { measured, retries, retriesDenied } from "./requestMetrics.ts"
import { CurrentRetryBudget, RetryBudget } from "./RetryBudget.ts"

/** Makes each attempt wait for its turn, or fail without being made. */
export type AttemptTurn = <A, E extends { readonly reason: SessionsErrorReason }>(
  attempt: Effect.Effect<A, E>
) => Effect.Effect<A, E | UpstreamUnavailable>

/** What a client knows when it asks for a page. */
export interface RequestSettings extends AttemptSettings {
  /** Asked before each attempt, and once more when a server has rejected what it gave. */
  readonly apiKey: Effect.Effect<Redacted.Redacted>
  /** Of all attempts for a page together, and what is waited for in between. */
  readonly totalDeadlines: Deadlines
  readonly retries: number
  readonly delays: RetryDelays
  /** In milliseconds. */
  readonly maxRetryAfter: number
  /** Undefined for no limit. */
  readonly maxRequestsPerSecond: number | undefined
  /** Undefined for no limit. */
  readonly retryBudget: number | undefined
  /** Undefined for the client's own pace. */
  readonly turn: AttemptTurn | undefined
  /** Waited for after the client's own pace. */
  readonly admit: Effect.Effect<void> | undefined
}

/** Makes the function that fetches a page; all its calls share one pace and one budget of retries. */
export const makeRequestPage = (
  http: HttpClient.HttpClient,
  settings: RequestSettings
): ((query: ListQuery) => Effect.Effect<Answer, SessionsError>) => {
  const pacer = new Pacer(settings.maxRequestsPerSecond)
  const admitted = settings.admit === undefined ? pacer.turn : Effect.andThen(pacer.turn, settings.admit)
  const turn: AttemptTurn = settings.turn ?? ((oneAttempt) => Effect.andThen(admitted, oneAttempt))
  const ofClient = settings.retryBudget === undefined ? undefined : RetryBudget.ofClient(settings.retryBudget)
  const schedule = retrySchedule(settings.delays, (failed: AttemptFailed | UpstreamUnavailable) =>
    retryAfterMillis(failed._tag === "AttemptFailed" ? failed.reason : failed)
  )
  // Names and certificates that worked a moment ago may work again.
  let wasReached = false

  const isWorthRetry = (failed: AttemptFailed): boolean =>
    (failed.isTransient || (wasReached && isOfNetwork(failed))) &&
    (retryAfterMillis(failed.reason) ?? 0) <= settings.maxRetryAfter

  return (query) => {
    const page = query.page ?? 1
    const fail = (reason: SessionsError["reason"]) => Effect.fail(new SessionsError({ page, reason }))
    return Effect.flatMap(CurrentRetryBudget, (ofRead) => {
      const budgets = [ofRead, ofClient].filter((budget) => budget !== undefined)
      let count = 0
      // Whether a retry was paid that has not been made.
      let isPaid = false
      let sent: Redacted.Redacted | undefined
      let next: Redacted.Redacted | undefined
      const key = Effect.suspend(() => (next === undefined ? settings.apiKey : Effect.succeed(next)))
      const oneAttempt = Effect.flatMap(key, (apiKey) => {
        sent = apiKey
        if (!isSendable(apiKey)) return Effect.fail(unsendableKey)
        count++
        isPaid = false
        return Effect.andThen(
          count === 1 ? Effect.void : Metric.update(retries, 1),
          measured(attempt(http, settings, apiKey, query, count))
        ).pipe(
          Effect.tapError((failed) => Effect.map(steadyMillis, (now) => slowDown(pacer, settings, failed, now))),
          Effect.tap(() =>
            Effect.sync(() => {
              wasReached = true
              pacer.recover()
              for (const budget of budgets) budget.earn()
            })
          ),
          traced(query, count)
        )
      })
      /** Pays for the next attempt, if there is one to be made. */
      const pay = (failed: AttemptFailed | UpstreamUnavailable): Effect.Effect<boolean> =>
        Effect.suspend(() => {
          if (failed._tag !== "AttemptFailed" || count > settings.retries || !isWorthRetry(failed)) {
            return Effect.succeed(false)
          }
          if (!budgets.every(({ hasRetry }) => hasRetry)) return Effect.as(Metric.update(retriesDenied, 1), false)
          for (const budget of budgets) budget.spend()
          isPaid = true
          return Effect.succeed(true)
        })
      /** Whether there is another key than the rejected one. */
      const hasNewKey = (failed: AttemptFailed | UpstreamUnavailable): Effect.Effect<boolean> =>
        Effect.suspend(() => {
          if (failed._tag !== "AttemptFailed" || failed.reason._tag !== "Unauthorized" || sent === undefined) {
            return Effect.succeed(false)
          }
          const rejected = sent
          return settings.apiKey.pipe(
            Effect.provideService(RejectedApiKey, rejected),
            Effect.map((found) => {
              next = found
              return Redacted.value(found) !== Redacted.value(rejected)
            })
          )
        })
      const further = (first: AttemptFailed | UpstreamUnavailable) => {
        let failed: typeof first | undefined = first
        return Effect.suspend(() => {
          if (failed === undefined) return turn(oneAttempt)
          const failure = Effect.fail(failed)
          failed = undefined
          return failure
        }).pipe(Effect.retry({ schedule, while: pay }), Effect.retry({ while: hasNewKey, times: 1 }))
      }
      const attempts = turn(oneAttempt).pipe(
        // Most pages need one attempt, and no schedule.
        Effect.catch(further),
        Effect.ensuring(
          Effect.sync(() => {
            if (isPaid) for (const budget of budgets) budget.giveBack()
          })
        ),
        Effect.catch((failed) => fail(failed._tag === "AttemptFailed" ? failed.reason : failed))
      )
      return Effect.flatMap(settings.totalDeadlines.within(attempts), (answer) =>
        Option.isSome(answer)
          ? Effect.succeed(answer.value)
          : fail(
              new UpstreamUnavailable({
                kind: "timeout",
                attempts: count,
                detail: count === 0 ? "its turn did not come in time" : "total time is used up"
              })
            )
      )
    })
  }
}

/** A span for the attempt, if there is anybody to tell of it. */
const traced =
  ({ page = 1, status }: ListQuery, count: number) =>
  <A, E>(self: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.flatMap(Tracer.Tracer, (tracer) => {
      if (tracer === Tracer.nativeTracer) return self
      const attributes = { page, attempt: count, ...(status === undefined ? {} : { status }) }
      return Effect.withSpan(self, "SessionsClient.getPage", { kind: "client", attributes })
    })

const isOfNetwork = ({ reason }: AttemptFailed): boolean => reason._tag === "UpstreamUnavailable"

const slowDown = (pacer: Pacer, settings: RequestSettings, { reason }: AttemptFailed, now: number): void => {
  if (reason._tag !== "RateLimited") return
  pacer.slowDown(now, Math.min(reason.retryAfterMillis ?? 0, settings.maxRetryAfter))
}

/** Whether the key can stand in a header: an HTTP client would quote a key that cannot in its error. */
const isSendable = (apiKey: Redacted.Redacted): boolean => /^[\x21-\x7e]+$/.test(Redacted.value(apiKey))

const unsendableKey = new AttemptFailed(
  new Unauthorized({ detail: "the key is empty or holds a character that no header can carry, so nothing was sent" })
)
