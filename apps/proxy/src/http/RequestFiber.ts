/**
 * What answers that are not in the cache take: a fiber each, that ends when its client goes away.
 */
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import type { SessionsError } from "@hb-sessions/core/SessionsError"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Headers from "effect/http/Headers"
import * as HttpTraceContext from "effect/http/HttpTraceContext"
import * as Option from "effect/Option"
import * as Answer from "../cache/CachedResponse.ts"
import type { ByteCache, NotKept } from "../cache/ByteCache.ts"
import { errorRefusal } from "./upstreamProblem.ts"
import type { Exchange } from "./Exchange.ts"
import { Claim } from "../upstream/Claim.ts"
import { CurrentWork, type WorkKind } from "../upstream/FairQueue.ts"
import { pageKey, sendPage, type Task } from "./RequestHandler.ts"
import type { LoadError } from "../cache/LoadError.ts"
import * as Pages from "../routes/page.ts"
import { notCached, type Refusal, refuse } from "./Problem.ts"
import type { Secrets } from "../upstream/KeyRedaction.ts"
import * as SteadyTime from "../SteadyTime.ts"
import * as Summaries from "../routes/session.ts"
import { CurrentRequestId } from "../upstream/UpstreamHttp.ts"
import * as WholeList from "../routes/list.ts"

/** An answer that is a refusal. */
class Refused extends Data.TaggedError("Refused")<{ readonly refusal: Refusal }> {}

/** What tasks work with. */
export interface TaskOptions {
  readonly cache: ByteCache<Answer.Answer, LoadError>
  readonly secrets: Secrets
  readonly isStrict: boolean
  readonly readConcurrency: number
  readonly heartbeat: Duration.Duration
  readonly deadline: Duration.Duration
  readonly readTimeout: Duration.Duration
}

/** Makes the function that does a task to its end, failures included. */
export const make = (options: TaskOptions) => {
  const { cache, secrets } = options

  const perform = (
    exchange: Exchange,
    task: Task
  ): Effect.Effect<void, LoadError | NotKept | Refused, SessionsClient> => {
    const owner = exchange.client?.id ?? ""
    switch (task._tag) {
      case "Page": {
        const page = Pages.load(task.query, { isStrict: options.isStrict, requestId: exchange.id, hide: secrets.hide })
        return cache.get(pageKey(task.query), owner, workFor("page", page), exchange.wish).pipe(
          Effect.flatMap((found) => Effect.map(SteadyTime.now, (now) => sendPage(exchange, found, cache, now))),
          // The upstream's guards give up first: they know what to say.
          within(Duration.sum(options.deadline, Duration.seconds(1)))
        )
      }
      case "List": {
        const list = WholeList.send(exchange, {
          format: task.format,
          query: task.query,
          concurrency: options.readConcurrency,
          heartbeat: options.heartbeat
        })
        return workFor("list", list)(new Claim(owner)).pipe(within(options.readTimeout))
      }
      case "One": {
        const allowed = exchange.client?.statuses
        const one = Summaries.one(task.id, allowed, options.readConcurrency)
        // What others have looked up tells nothing to a token that must not see all.
        const key =
          allowed === undefined ? `one:${task.id}` : `one:${JSON.stringify([...allowed].toSorted())}:${task.id}`
        return cache.get(key, owner, workFor("list", one), exchange.wish).pipe(
          Effect.flatMap((found) => Effect.map(SteadyTime.now, (now) => Answer.send(exchange, found, cache, now))),
          within(options.readTimeout)
        )
      }
      case "Stats": {
        // A token of some statuses has asked for some of them: what it gets is the same for all such tokens.
        const asked = exchange.client?.statuses === undefined ? undefined : new Set(task.query.statuses)
        const key = `stats:${asked === undefined ? "all" : "some"}:${task.query.key}`
        const stats = Summaries.stats(task.query, asked, options.readConcurrency)
        return cache.get(key, owner, workFor("list", stats), exchange.wish).pipe(
          Effect.flatMap((found) => Effect.map(SteadyTime.now, (now) => Answer.send(exchange, found, cache, now))),
          within(options.readTimeout)
        )
      }
    }
  }

  return (exchange: Exchange, task: Task): Effect.Effect<void, never, SessionsClient> =>
    perform(exchange, task).pipe(
      Effect.provideService(CurrentRequestId, exchange.id),
      Effect.catchTags({
        SessionsError: (error) => settle(exchange, errorRefusal(error, secrets), error),
        SessionNotFound: ({ isProven }) =>
          settle(exchange, refuse("not-found", isProven ? "there is no such session" : "the session was not found")),
        NotKept: () => settle(exchange, notCached),
        Refused: ({ refusal }) => settle(exchange, refusal)
      }),
      Effect.catchCause((cause) =>
        Cause.hasInterruptsOnly(cause)
          ? Effect.sync(() => exchange.cut("internal"))
          : Effect.andThen(
              Effect.logError("request failed unexpectedly", secrets.hide(Cause.pretty(cause))),
              settle(exchange, refuse("internal", "unexpected error in the proxy; please report it"))
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
          "hb_sessions.client": exchange.client?.name ?? ""
        }
      })
    )
}

/** Whoever waits for an effect stands in line for what it asks of the upstream. */
const workFor =
  <A, E, R>(kind: WorkKind, effect: Effect.Effect<A, E, R>) =>
  (claim: Claim): Effect.Effect<A, E, R> =>
    Effect.provideService(effect, CurrentWork, { claim, kind })

const within =
  (duration: Duration.Duration) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | Refused, R> =>
    Effect.timeoutOrElse(effect, {
      duration,
      orElse: () => Effect.fail(new Refused({ refusal: refuse("upstream-timeout", "the answer took too long") }))
    })

/** Refuses what can still be refused, and cuts what was begun. */
const settle = (exchange: Exchange, refusal: Refusal, error?: SessionsError): Effect.Effect<void> =>
  Effect.sync(() => {
    if (exchange.response.headersSent) exchange.cut(refusal.problem)
    else exchange.refuse(refusal)
  }).pipe(
    Effect.andThen(
      error?.reason._tag === "Unauthorized"
        ? Effect.logError("the upstream refused the API key; check HYPERBROWSER_API_KEY")
        : Effect.void
    )
  )

/** Runs a task for an exchange; the client's departure interrupts it, and so does the function that it returns. */
export const fork = (
  exchange: Exchange,
  run: (effect: Effect.Effect<void, never, SessionsClient>) => Fiber.Fiber<void>,
  effect: Effect.Effect<void, never, SessionsClient>,
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
