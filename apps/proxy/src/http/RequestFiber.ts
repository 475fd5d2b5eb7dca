/**
 * The work on a request that the cache cannot answer: a fiber each, which ends when its client goes away.
 */
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import type { SessionsError } from "@hb-sessions/core/SessionsError"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { identity } from "effect/Function"
import * as Headers from "effect/http/Headers"
import * as HttpTraceContext from "effect/http/HttpTraceContext"
import * as Option from "effect/Option"
import * as CachedResponse from "../cache/CachedResponse.ts"
import type { ByteCache, NotKept } from "../cache/ByteCache.ts"
import { upstreamProblem } from "./upstreamProblem.ts"
import type { Exchange } from "./Exchange.ts"
import { Claim } from "../upstream/Claim.ts"
import { CurrentWork, type WorkKind } from "../upstream/FairQueue.ts"
import type { LoadError } from "../cache/LoadError.ts"
import { notCached, type Rejection, reject } from "./Problem.ts"
import * as Metrics from "../operations/Metrics.ts"
import * as SteadyTime from "@hb-sessions/app-kit/SteadyTime"
import type { SharedPages } from "../redis/SharedPages.ts"
import type { RouteOptions, Work } from "../routes/Route.ts"
import type { UpstreamAccount } from "../upstream/UpstreamAccount.ts"
import { CurrentRequestId } from "../upstream/UpstreamHttp.ts"
import type { Feeds } from "../watch/Feeds.ts"

/** An answer that is a rejection. */
class Rejected extends Data.TaggedError("Rejected")<{ readonly rejection: Rejection }> {}

/** What requests are worked on with. */
export interface FiberOptions extends Omit<RouteOptions, "hide" | "scope" | "watch"> {
  readonly cache: ByteCache<CachedResponse.CachedResponse, LoadError>
  /** Where pages are shared with other replicas, if they are. */
  readonly pages: SharedPages | undefined
  readonly feeds: Feeds
  readonly deadline: Duration.Duration
}

/** Ends an exchange with a problem. */
const finish = (exchange: Exchange, rejection: Rejection): Effect.Effect<void> =>
  Effect.sync(() => exchange.fail(rejection))

/** Tells the operator of a key that is not accepted. */
const tellOfKey = ({ keyName, name }: UpstreamAccount, { reason }: SessionsError): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (reason._tag !== "Unauthorized") return Effect.void
    Metrics.keyRejected(name)
    const whose = name === undefined ? "" : ` of the account ${name}`
    return Effect.logError(`the upstream rejected the API key${whose}; check ${keyName}`)
  })

/** Makes the function that works on a request of an account to its end, failures included. */
export const make = (options: FiberOptions) => {
  const { cache, feeds, pages } = options

  const perform = (
    exchange: Exchange,
    work: Work,
    account: UpstreamAccount
  ): Effect.Effect<void, LoadError | NotKept | Rejected, SessionsClient> => {
    const owner = exchange.client?.id ?? ""
    // The upstream's guards give up first: they know what to say.
    const limit = work.kind === "page" ? Duration.sum(options.deadline, Duration.seconds(1)) : options.readTimeout
    const routeOptions: RouteOptions = {
      ...options,
      hide: account.secrets.hide,
      scope: account.cacheScope,
      watch: (watcher) => feeds.watch(account, watcher)
    }
    return (
      work._tag === "Streamed"
        ? workFor(work.kind, work.send(routeOptions))(new Claim(owner))
        : cache
            .get(
              work.key,
              owner,
              (claim, terms) => {
                const load = workFor(work.kind, work.load(routeOptions))(claim)
                return pages === undefined || work.kind !== "page"
                  ? load
                  : pages.through(account, work.key, load, terms)
              },
              exchange.wish
            )
            .pipe(
              Effect.flatMap((found) =>
                Effect.map(SteadyTime.now, (now) => CachedResponse.send(exchange, found, { cache, key: work.key }, now))
              )
            )
    ).pipe(within(limit))
  }

  return (exchange: Exchange, work: Work, account: UpstreamAccount): Effect.Effect<void> =>
    perform(exchange, work, account).pipe(
      Effect.provideService(SessionsClient, account.client),
      Effect.provideService(CurrentRequestId, exchange.id),
      Effect.catchTags({
        SessionsError: (error) =>
          Effect.andThen(finish(exchange, upstreamProblem(error, account.secrets)), tellOfKey(account, error)),
        SessionNotFound: ({ isProven }) =>
          finish(exchange, reject("not-found", isProven ? "there is no such session" : "the session was not found")),
        NotKept: () => finish(exchange, notCached),
        Rejected: ({ rejection }) => finish(exchange, rejection)
      }),
      Effect.catchCause((cause) =>
        Cause.hasInterruptsOnly(cause)
          ? Effect.sync(() => exchange.cut("internal"))
          : Effect.andThen(
              Effect.logError("request failed unexpectedly", account.secrets.hide(Cause.pretty(cause))),
              finish(exchange, reject("internal", "unexpected error in the proxy; please report it"))
            )
      ),
      Effect.withSpan(`${exchange.method} ${exchange.route}`, {
        kind: "server",
        ...Option.match(HttpTraceContext.fromHeaders(Headers.fromInput(exchange.request.headers)), {
          onNone: () => ({ root: true }),
          onSome: (parent) => ({ parent })
        }),
        attributes: {
          "http.request.method": exchange.method,
          "http.route": exchange.route,
          "hb_sessions.request_id": exchange.id,
          "hb_sessions.client": exchange.client?.name ?? "",
          ...(account.name === undefined ? {} : { "hb_sessions.account": account.name })
        }
      }),
      account.name === undefined ? identity : Effect.annotateLogs("account", account.name)
    )
}

/** Those who wait for an effect stand in line for what it asks of the upstream. */
const workFor =
  <A, E, R>(kind: WorkKind, effect: Effect.Effect<A, E, R>) =>
  (claim: Claim): Effect.Effect<A, E, R> =>
    Effect.provideService(effect, CurrentWork, { claim, kind })

const within =
  (duration: Duration.Duration) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | Rejected, R> =>
    Effect.timeoutOrElse(effect, {
      duration,
      orElse: () => Effect.fail(new Rejected({ rejection: reject("upstream-timeout", "the response took too long") }))
    })

/** Runs an effect for an exchange; the client's departure interrupts it, and so does the function that it returns. */
export const fork = (
  exchange: Exchange,
  run: (effect: Effect.Effect<void>) => Fiber.Fiber<void>,
  effect: Effect.Effect<void>,
  onEnd: () => void
): (() => void) => {
  const fiber = run(Effect.onExit(effect, () => Effect.sync(onEnd)))
  exchange.response.once("close", () => {
    if (exchange.response.writableFinished) return
    exchange.abandoned()
    fiber.interruptUnsafe()
  })
  return () => fiber.interruptUnsafe()
}
