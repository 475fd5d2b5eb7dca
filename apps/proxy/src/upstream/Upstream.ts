/**
 * The upstream behind its guards: a breaker, retries that cannot become a storm, and one budget that tokens share.
 */
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import { SessionsError, UpstreamUnavailable } from "@hb-sessions/core/SessionsError"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import * as Schedule from "effect/Schedule"
import { FairQueue } from "./FairQueue.ts"
import * as Metrics from "../operations/Metrics.ts"
import * as SteadyTime from "../SteadyTime.ts"

/** How the upstream is treated. */
export interface UpstreamOptions {
  /** Attempts after the first. */
  readonly retries: number
  /** Longest `Retry-After` that is waited for. */
  readonly maxRetryAfter: Duration.Duration
  /** Most requests in flight. */
  readonly concurrency: number
  /** Most requests a second; undefined for no limit. */
  readonly perSecond: number | undefined
  /** Longest time for one page, waits and retries included. */
  readonly deadline: Duration.Duration
  /** Failures in a row that open the breaker. */
  readonly breakerFailures: number
  /** How long it stays open. */
  readonly breakerOpen: Duration.Duration
}

/** What is known of the upstream without asking it. */
export class UpstreamHealth extends Context.Service<
  UpstreamHealth,
  {
    /** How the last request ended, and when, in steady milliseconds; undefined before the first. */
    readonly last: () => { readonly at: number; readonly error: SessionsError | undefined } | undefined
    /** Seconds until a call may be tried; undefined when one may be now. */
    readonly openFor: Effect.Effect<number | undefined>
  }
>()("@hb-sessions/proxy/UpstreamHealth") {}

const BREAKER_KEY = "upstream"

/** Retries that may be spent at once; each success earns a fifth of one. */
const RETRY_BUDGET = 20
const EARNED_BY_SUCCESS = 0.2

/** An outage of the upstream, rather than a request that it refused: what retries, the breaker and old answers are for. */
export const isOutage = ({ reason }: SessionsError): boolean =>
  reason._tag === "UpstreamUnavailable" ||
  reason._tag === "RateLimited" ||
  (reason._tag === "UnexpectedResponse" && reason.status === 200)

/** Puts the guards around the `SessionsClient` of the environment, whose own retries must be off. */
export const layer = (options: UpstreamOptions): Layer.Layer<SessionsClient | UpstreamHealth, never, SessionsClient> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const raw = yield* SessionsClient
      const queue = yield* FairQueue.make(options)
      const breaker = yield* CircuitBreaker.make({
        tripPolicy: CircuitBreaker.consecutive(options.breakerFailures),
        openDuration: options.breakerOpen
      })
      let budget = RETRY_BUDGET
      let last: { readonly at: number; readonly error: SessionsError | undefined } | undefined

      const note = <A>(exit: Exit.Exit<A, SessionsError>) =>
        Effect.map(SteadyTime.now, (at) => {
          const error = failureOf(exit)
          if (Exit.isSuccess(exit)) {
            budget = Math.min(RETRY_BUDGET, budget + EARNED_BY_SUCCESS)
            queue.recover()
          } else if (error?.reason._tag === "RateLimited") {
            const wait = Math.min(error.reason.retryAfterMillis ?? 0, Duration.toMillis(options.maxRetryAfter))
            queue.slowDown(at, wait)
          }
          if (Exit.isSuccess(exit) || error !== undefined) last = { at, error }
        })

      const spend = (error: SessionsError): boolean => {
        if (!isOutage(error) || !error.isRetryable) return false
        if (!isMade(error)) return false
        if ((retryAfter(error) ?? 0) > Duration.toMillis(options.maxRetryAfter)) return false
        if (budget < 1) {
          Metrics.count(Metrics.retriesDenied)
          return false
        }
        budget -= 1
        return true
      }

      // The breaker goes by the time of day, and would stay open for an hour when that is set back by one.
      const steadily = <A, E>(effect: (clock: Clock.Clock) => Effect.Effect<A, E>) =>
        Effect.clockWith((clock) => Effect.provideService(effect(clock), Clock.Clock, SteadyTime.clockOf(clock)))

      /** How long the breaker stays open; undefined when a call may be made. */
      const openFor = steadily(() => breaker.state(BREAKER_KEY)).pipe(
        Effect.map((state) =>
          state._tag === "Open" && Duration.toMillis(state.retryAfter) > 0 ? state.retryAfter : undefined
        ),
        Effect.orElseSucceed(() => undefined)
      )

      /** One request, at its turn. */
      const once = <A>(page: number, call: Effect.Effect<A, SessionsError>, attempts: Attempts) =>
        queue.withTurn(
          Effect.flatMap(openFor, (wait) => {
            // It tripped while this one waited.
            if (wait !== undefined) return Effect.fail(new SessionsError({ page, reason: broken(wait) }))
            attempts.made += 1
            return Effect.onExit(call, note)
          })
        )

      const withRetries = <A>(page: number, call: Effect.Effect<A, SessionsError>): Effect.Effect<A, SessionsError> =>
        Effect.suspend(() => {
          const attempts: Attempts = { made: 0 }
          return once(page, call, attempts).pipe(
            Effect.retry({ schedule, times: options.retries, while: spend }),
            // An open breaker after all keeps its mark.
            Effect.mapError((error) => (isMade(error) ? error.withAttempts(attempts.made) : error)),
            Effect.timeoutOrElse({
              duration: options.deadline,
              orElse: () => Effect.fail(new SessionsError({ page, reason: tooLate(attempts) }))
            })
          )
        })

      const guard = <A>(page: number, call: Effect.Effect<A, SessionsError>): Effect.Effect<A, SessionsError> =>
        steadily((clock) =>
          Effect.provideService(withRetries(page, call), Clock.Clock, clock).pipe(
            breaker.execute({ key: BREAKER_KEY, classify })
          )
        ).pipe(
          Effect.catchTag("CircuitBreakerError", ({ reason }) => {
            const wait = reason._tag === "CircuitOpen" ? reason.retryAfter : Duration.seconds(1)
            return Effect.fail(new SessionsError({ page, reason: broken(wait) }))
          })
        )

      return Context.make(
        SessionsClient,
        SessionsClient.of({
          getPage: (query) => guard(query.page ?? 1, raw.getPage(query)),
          getPageResponse: (query) => guard(query.page ?? 1, raw.getPageResponse(query))
        })
      ).pipe(
        Context.add(UpstreamHealth, {
          last: () => last,
          openFor: Effect.map(openFor, (wait) => (wait === undefined ? undefined : Math.ceil(Duration.toSeconds(wait))))
        })
      )
    })
  ).pipe(Layer.provide(CircuitBreaker.layerStoreMemory()))

const failureOf = <A>(exit: Exit.Exit<A, SessionsError>): SessionsError | undefined =>
  Exit.isSuccess(exit) ? undefined : exit.cause.reasons.find((reason) => reason._tag === "Fail")?.error

/** Only silence and 5xx open the breaker: what the upstream refuses, it refuses in good health. */
const classify = <A>(exit: Exit.Exit<A, SessionsError>): CircuitBreaker.Outcome => {
  const error = failureOf(exit)
  if (error?.reason._tag === "UpstreamUnavailable") {
    return isMade(error) ? CircuitBreaker.failure() : CircuitBreaker.ignored
  }
  return Exit.isSuccess(exit) || error !== undefined ? CircuitBreaker.success : CircuitBreaker.ignored
}

const broken = (wait: Duration.Duration) =>
  new UpstreamUnavailable({
    kind: "network",
    // Tells it from a call that was made.
    attempts: 0,
    retryAfterMillis: Duration.toMillis(wait),
    detail: "it failed several times in a row and is left alone for a moment"
  })

/** Whether a request was sent at all. */
const isMade = ({ reason }: SessionsError): boolean => reason._tag !== "UpstreamUnavailable" || reason.attempts > 0

const tooLate = ({ made }: Attempts) =>
  new UpstreamUnavailable({
    kind: "timeout",
    attempts: made,
    detail: made === 0 ? "too many requests are ahead of this one" : "the deadline has passed"
  })

/** Requests that were made for one page. */
interface Attempts {
  made: number
}

const retryAfter = ({ reason }: SessionsError): number | undefined =>
  "retryAfterMillis" in reason ? reason.retryAfterMillis : undefined

const schedule = Schedule.exponential("100 millis").pipe(
  Schedule.modifyDelay(({ duration }) => Effect.succeed(Duration.min(duration, Duration.seconds(2)))),
  Schedule.jittered,
  Schedule.setInputType<SessionsError>(),
  Schedule.modifyDelay(({ duration, input }) =>
    Effect.succeed(Duration.max(duration, Duration.millis(retryAfter(input) ?? 0)))
  )
)
