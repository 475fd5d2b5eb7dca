/**
 * The upstream behind its guards: one budget for everybody, retries that cannot become a storm, a breaker.
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
import * as Semaphore from "effect/Semaphore"
import * as Metrics from "./Metrics.ts"

/** How the upstream is treated. */
export interface UpstreamOptions {
  /** Attempts after the first. */
  readonly retries: number
  /** Longest `Retry-After` that is waited for. */
  readonly maxRetryAfter: Duration.Duration
  /** Most requests in flight. */
  readonly concurrency: number
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
    /** How the last request ended; undefined before the first. */
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
      const semaphore = yield* Semaphore.make(options.concurrency)
      const breaker = yield* CircuitBreaker.make({
        tripPolicy: CircuitBreaker.consecutive(options.breakerFailures),
        openDuration: options.breakerOpen
      })
      let budget = RETRY_BUDGET
      let last: { readonly at: number; readonly error: SessionsError | undefined } | undefined

      const note = <A>(exit: Exit.Exit<A, SessionsError>) =>
        Effect.map(Clock.currentTimeMillis, (at) => {
          const error = failureOf(exit)
          if (Exit.isSuccess(exit)) budget = Math.min(RETRY_BUDGET, budget + EARNED_BY_SUCCESS)
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

      const guard = <A>(page: number, call: Effect.Effect<A, SessionsError>): Effect.Effect<A, SessionsError> => {
        let made = 0
        const counted = Effect.suspend(() => {
          made += 1
          return call
        })
        return Effect.onExit(counted, note).pipe(
          breaker.execute({ key: BREAKER_KEY, classify }),
          Effect.catchTag("CircuitBreakerError", (error) =>
            Effect.fail(new SessionsError({ page, reason: broken(error) }))
          ),
          semaphore.withPermits(1),
          Effect.retry({ schedule, times: options.retries, while: spend }),
          // An open breaker after all keeps its mark.
          Effect.mapError((error) => (isMade(error) ? error.withAttempts(made) : error)),
          Effect.timeoutOrElse({
            duration: options.deadline,
            orElse: () =>
              Effect.fail(
                new SessionsError({
                  page,
                  reason: new UpstreamUnavailable({
                    kind: "timeout",
                    attempts: Math.max(1, made),
                    detail: "the deadline has passed"
                  })
                })
              )
          })
        )
      }

      return Context.make(
        SessionsClient,
        SessionsClient.of({
          getPage: (query) => guard(query.page ?? 1, raw.getPage(query)),
          getPageResponse: (query) => guard(query.page ?? 1, raw.getPageResponse(query))
        })
      ).pipe(
        Context.add(UpstreamHealth, {
          last: () => last,
          openFor: breaker.state(BREAKER_KEY).pipe(
            Effect.map((state) =>
              state._tag === "Open" && Duration.toMillis(state.retryAfter) > 0
                ? Math.ceil(Duration.toSeconds(state.retryAfter))
                : undefined
            ),
            Effect.orElseSucceed(() => undefined)
          )
        })
      )
    })
  ).pipe(Layer.provide(CircuitBreaker.layerStoreMemory()))

const failureOf = <A>(exit: Exit.Exit<A, SessionsError>): SessionsError | undefined =>
  Exit.isSuccess(exit) ? undefined : exit.cause.reasons.find((reason) => reason._tag === "Fail")?.error

/** Only silence and 5xx open the breaker: what the upstream refuses, it refuses in good health. */
const classify = <A>(exit: Exit.Exit<A, SessionsError>): CircuitBreaker.Outcome => {
  const error = failureOf(exit)
  if (error?.reason._tag === "UpstreamUnavailable") return CircuitBreaker.failure()
  return Exit.isSuccess(exit) || error !== undefined ? CircuitBreaker.success : CircuitBreaker.ignored
}

const broken = ({ reason }: CircuitBreaker.CircuitBreakerError) =>
  new UpstreamUnavailable({
    kind: "network",
    // Tells it from a call that was made.
    attempts: 0,
    retryAfterMillis: reason._tag === "CircuitOpen" ? Duration.toMillis(reason.retryAfter) : 1000,
    detail: "it failed several times in a row and is left alone for a moment"
  })

/** Whether a request was sent at all. */
const isMade = ({ reason }: SessionsError): boolean => reason._tag !== "UpstreamUnavailable" || reason.attempts > 0

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
