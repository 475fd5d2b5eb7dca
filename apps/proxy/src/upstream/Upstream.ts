/**
 * The upstream behind its guards, from the outside in: a circuit breaker, core's retries, and a queue for each attempt.
 */
import { type AttemptTurn, SessionsClient, type SessionsClientOptions } from "@hb-sessions/core/SessionsClient"
import { SessionsError, type SessionsErrorReason, UpstreamUnavailable } from "@hb-sessions/core/SessionsError"
import { productionUrl } from "@hb-sessions/core/SessionsApi"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import * as SteadyTime from "@hb-sessions/app-kit/SteadyTime"
import { CurrentLink } from "../redis/RedisLink.ts"
import * as SharedBreaker from "../redis/SharedBreaker.ts"
import { SharedPace } from "../redis/SharedPace.ts"
import { CurrentWork, FairQueue } from "./FairQueue.ts"
import { CurrentUpstreamUse } from "./UpstreamUse.ts"

/** How the upstream is treated. */
export interface UpstreamOptions extends Pick<
  SessionsClientOptions,
  "apiKey" | "baseUrl" | "attemptTimeout" | "totalTimeout" | "retries" | "maxBodyBytes" | "decoding"
> {
  /** The account that is asked; undefined for that of a single key. */
  readonly account: string | undefined
  /** Longest `Retry-After` that is waited for. */
  readonly maxRetryAfter: Duration.Duration
  /** Most requests in flight. */
  readonly concurrency: number
  /** Most requests a second; undefined for no limit. */
  readonly perSecond: number | undefined
  /** Failures in a row that open the circuit. */
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

/** Tells accounts apart, also in what proxies of other servers share. */
const breakerKey = (account: string | undefined, baseUrl = new URL(productionUrl)) =>
  [...(account === undefined ? [] : [account]), baseUrl.host].join("@")

/** Retries of all requests together; each success earns a fifth of one. */
const RETRY_BUDGET = 20

/** An outage of the upstream, rather than a request that it rejected: what the circuit and old answers are for. */
export const isOutage = ({ reason }: SessionsError): boolean =>
  reason._tag === "UpstreamUnavailable" ||
  reason._tag === "RateLimited" ||
  (reason._tag === "UnexpectedResponse" && reason.status === 200)

/** A client of the upstream, over the `HttpClient` of the environment. */
export const layer = ({
  account,
  breakerFailures,
  breakerOpen,
  concurrency,
  perSecond,
  ...settings
}: UpstreamOptions): Layer.Layer<SessionsClient | UpstreamHealth, never, HttpClient.HttpClient> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const use = yield* CurrentUpstreamUse
      const link = yield* CurrentLink
      const key = breakerKey(account, settings.baseUrl)
      const steadyClock = yield* Clock.Clock
      let sharedPace: SharedPace | undefined
      yield* Effect.addFinalizer(() => Effect.sync(() => sharedPace?.close()))
      const queue = yield* FairQueue.make({
        concurrency,
        perSecond,
        onWaited: use.waited,
        paceOf:
          link === undefined || perSecond === undefined
            ? undefined
            : (onChange) =>
                (sharedPace = new SharedPace({ link, account: key, perSecond, clock: steadyClock, onChange }))
      })
      const breaker = yield* CircuitBreaker.make({
        tripPolicy: CircuitBreaker.consecutive(breakerFailures),
        openDuration: breakerOpen
      })
      let last: { readonly at: number; readonly error: SessionsError | undefined } | undefined

      // The breaker goes by the time of day, and would stay open for an hour when that is set back by one.
      const steadily = <A, E>(effect: (clock: Clock.Clock) => Effect.Effect<A, E>) =>
        Effect.clockWith((clock) => Effect.provideService(effect(clock), Clock.Clock, SteadyTime.clockOf(clock)))

      /** How long the circuit stays open; undefined when a call may be made. */
      const openFor = steadily(() => breaker.state(key)).pipe(
        Effect.map((state) =>
          state._tag === "Open" && Duration.toMillis(state.retryAfter) > 0 ? state.retryAfter : undefined
        ),
        Effect.orElseSucceed(() => undefined)
      )

      /** The queue goes as fast as the upstream lets it. */
      const adapt = <A, E extends { readonly reason: SessionsErrorReason }>(exit: Exit.Exit<A, E>) =>
        Effect.map(SteadyTime.now, (at) => {
          if (Exit.isSuccess(exit)) return queue.recover()
          const reason = failureOf(exit)?.reason
          if (reason?._tag !== "RateLimited") return
          queue.slowDown(at, Math.min(reason.retryAfterMillis ?? 0, Duration.toMillis(settings.maxRetryAfter)))
        })

      const closed = Effect.flatMap(openFor, (wait) =>
        wait === undefined ? Effect.void : Effect.fail(circuitOpen(wait))
      )

      const counted = Effect.map(CurrentWork, ({ claim }) => {
        const [first] = claim.owners
        if (first !== undefined) use.requested(first)
      })

      // The circuit may have opened while this one waited.
      const turn: AttemptTurn = (attempt) =>
        queue.withTurn(closed.pipe(Effect.andThen(counted), Effect.andThen(Effect.onExit(attempt, adapt))))

      const client = Context.get(
        yield* Layer.build(
          SessionsClient.layerNoDeps({
            ...settings,
            retryBudget: RETRY_BUDGET,
            retryBaseDelay: "100 millis",
            retryMaxDelay: "2 seconds",
            turn
          })
        ),
        SessionsClient
      )

      const note = <A>(exit: Exit.Exit<A, SessionsError>) =>
        Effect.map(SteadyTime.now, (at) => {
          const error = failureOf(exit)
          if (Exit.isSuccess(exit) || (error !== undefined && isMade(error))) last = { at, error }
        })

      const guard = <A>(page: number, call: Effect.Effect<A, SessionsError>): Effect.Effect<A, SessionsError> =>
        steadily((clock) =>
          Effect.onExit(Effect.provideService(call, Clock.Clock, clock), note).pipe(breaker.execute({ key, classify }))
        ).pipe(
          Effect.catchTag("CircuitBreakerError", ({ reason }) => {
            const wait = reason._tag === "CircuitOpen" ? reason.retryAfter : Duration.seconds(1)
            return Effect.fail(new SessionsError({ page, reason: circuitOpen(wait) }))
          })
        )

      return Context.make(
        SessionsClient,
        SessionsClient.of({
          getPage: (query) => guard(query.page ?? 1, client.getPage(query)),
          getPageResponse: (query) => guard(query.page ?? 1, client.getPageResponse(query))
        })
      ).pipe(
        Context.add(UpstreamHealth, {
          last: () => last,
          openFor: Effect.map(openFor, (wait) => (wait === undefined ? undefined : Math.ceil(Duration.toSeconds(wait))))
        })
      )
    })
  ).pipe(
    Layer.provide(
      Layer.unwrap(
        Effect.map(CurrentLink, (link) =>
          link === undefined ? CircuitBreaker.layerStoreMemory() : SharedBreaker.layer(link)
        )
      )
    )
  )

const failureOf = <A, E>(exit: Exit.Exit<A, E>): E | undefined =>
  Exit.isSuccess(exit) ? undefined : exit.cause.reasons.find((reason) => reason._tag === "Fail")?.error

/** Only silence and 5xx open the circuit: an upstream that rejects a request is in good health. */
const classify = <A>(exit: Exit.Exit<A, SessionsError>): CircuitBreaker.Outcome => {
  const error = failureOf(exit)
  if (error?.reason._tag === "UpstreamUnavailable") {
    return isMade(error) ? CircuitBreaker.failure() : CircuitBreaker.ignored
  }
  return Exit.isSuccess(exit) || error !== undefined ? CircuitBreaker.success : CircuitBreaker.ignored
}

const circuitOpen = (wait: Duration.Duration) =>
  new UpstreamUnavailable({
    kind: "network",
    // Tells it from a call that was made.
    attempts: 0,
    retryAfterMillis: Duration.toMillis(wait),
    detail: "it failed several times in a row, so the circuit is open"
  })

/** Whether a request was sent at all. */
const isMade = ({ reason }: SessionsError): boolean => reason._tag !== "UpstreamUnavailable" || reason.attempts > 0
