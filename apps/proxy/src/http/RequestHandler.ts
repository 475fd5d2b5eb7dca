/**
 * Where every request arrives: checks it, finds its client and its route, and answers from the cache if it can.
 *
 * The order is the point: form, route, method, token, rate, account, query, cache. What is cheap to reject is rejected first, and
 * nothing of the cache is seen without a token.
 */
import { sessionsPath } from "@hb-sessions/core/SessionsApi"
import * as Result from "effect/Result"
import { randomBytes } from "node:crypto"
import type { IncomingMessage, ServerResponse } from "node:http"
import { accountOf } from "../access/accountOf.ts"
import { Authentication, type AuthenticationOptions } from "../access/Authentication.ts"
import { RateLimits, type RateOptions } from "../access/RateLimits.ts"
import type { Client } from "../access/Token.ts"
import type { ByteCache } from "../cache/ByteCache.ts"
import * as CachedResponse from "../cache/CachedResponse.ts"
import { events } from "../routes/events.ts"
import { formats, list } from "../routes/list.ts"
import { page } from "../routes/page.ts"
import * as Route from "../routes/Route.ts"
import { isSessionPath, session } from "../routes/session.ts"
import { stats } from "../routes/stats.ts"
import * as Cors from "./Cors.ts"
import { DelayedRejections } from "./DelayedRejections.ts"
import { Exchange } from "./Exchange.ts"
import type { LogEntry, RouteName } from "./LogEntry.ts"
import type { Outbox } from "./Outbox.ts"
import { notCached, reject } from "./Problem.ts"
import { isUnix } from "./reset.ts"
import * as RequestValidation from "./RequestValidation.ts"
import { type RunningOptions, RunningRequests } from "./RunningRequests.ts"

/** What the request handler works with. */
export interface RequestHandlerOptions<E> extends AuthenticationOptions, RateOptions, RunningOptions {
  /** Whether a request without a token is meant for this server. */
  readonly isMeant: (request: IncomingMessage) => boolean
  /** Where a request comes from. */
  readonly addressOf: (request: IncomingMessage) => string
  readonly outbox: Outbox
  readonly corsOrigins: ReadonlySet<string>
  readonly cache: ByteCache<CachedResponse.CachedResponse, E>
  readonly log: (entry: LogEntry) => void
  /** Answers without a token: the documents. */
  readonly documents: ReadonlyMap<string, (exchange: Exchange) => void>
}

/** A running request handler. */
export interface RequestHandler {
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void
  /** From now on every answer closes its connection. */
  readonly drain: () => void
  readonly isDraining: () => boolean
  /** Requests that wait for the upstream or stream. */
  readonly inFlight: () => number
  /** Ends what is under way for tokens that have ended, or allow less than before. */
  readonly endUnallowed: () => void
}

const REQUEST_ID = /^[A-Za-z0-9._:-]{1,128}$/

/** Makes the request handler. */
export const make = <E>(options: RequestHandlerOptions<E>): RequestHandler => {
  const authentication = new Authentication(options)
  const limits = new RateLimits(options)
  const delayed = new DelayedRejections()
  const running = new RunningRequests(options)
  const idPrefix = randomBytes(6).toString("hex")
  let requests = 0
  let isDraining = false

  const requestId = (header: string | ReadonlyArray<string> | undefined): string =>
    typeof header === "string" && REQUEST_ID.test(header) ? header : `${idPrefix}-${(++requests).toString(36)}`

  const serve = (exchange: Exchange, client: Client, route: Route.Route): void => {
    const account = accountOf(options.accounts, client)
    if ("problem" in account) return exchange.reject(account)
    const asked = route(exchange, client)
    if (Result.isFailure(asked)) return exchange.reject(asked.failure)
    const work = Route.within(account, asked.success)
    if (work._tag === "Streamed") {
      const { httpVersionMinor, socket } = exchange.request
      if (httpVersionMinor === 0 && isUnix(socket)) return exchange.reject(endless)
      if (exchange.wish.isOnlyKept) return exchange.reject(notCached)
    } else {
      const now = options.now()
      const found = options.cache.peek(work.key, now, exchange.wish)
      if (found !== undefined) return CachedResponse.send(exchange, found, { cache: options.cache, key: work.key }, now)
    }
    running.start(exchange, client, work, account)
  }

  const surroundings = { log: options.log, isDraining: () => isDraining, outbox: options.outbox }

  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const target = RequestValidation.targetOf(request.url ?? "")
    const id = requestId(request.headers["x-request-id"])
    const exchange = new Exchange(request, response, { id, address: options.addressOf(request), target }, surroundings)
    const inspected = target.rejection ?? RequestValidation.inspect(request)
    if (RequestValidation.isRejection(inspected)) return exchange.reject(inspected)
    if (options.tokens.isOpen && !options.isMeant(request)) return exchange.reject(misdirected)
    const { path } = exchange
    const document = options.documents.get(path)
    const found = document === undefined ? routeOf(path) : undefined
    if (document === undefined && found === undefined) {
      return exchange.reject(reject("not-found", "there is no such path; / lists the paths"))
    }
    exchange.route = found?.name ?? documentName(path)
    if (options.corsOrigins.size > 0) Cors.allow(exchange, options.corsOrigins)
    if (exchange.method === "OPTIONS") return exchange.sendEmpty(204, ["allow", Cors.METHODS, "vary", "origin"])
    if (exchange.method !== "GET" && exchange.method !== "HEAD") {
      return exchange.reject(
        reject("method-not-allowed", `${path} is read-only: ${Cors.METHODS}`, { headers: { allow: Cors.METHODS } })
      )
    }
    if (found === undefined) return document?.(exchange)
    const client = authentication.clientOf(exchange, inspected.credential)
    if ("problem" in client) return delayed.reject(exchange, client)
    exchange.client = client
    const limited = limits.check(exchange, client, options.now)
    if (limited !== undefined) return delayed.reject(exchange, limited)
    serve(exchange, client, found.route)
  }

  return {
    handle,
    drain: () => {
      isDraining = true
    },
    isDraining: () => isDraining,
    inFlight: () => running.size,
    endUnallowed: () => running.endUnallowed(authentication)
  }
}

const misdirected = reject(
  "misdirected-request",
  "Host names another server; names besides loopback ones must be in --allowed-hosts",
  { close: true }
)

/** There an end is an end, and no reset tells that it was cut. */
const endless = reject(
  "http-version-not-supported",
  "a whole list over a Unix socket needs HTTP/1.1; with HTTP/1.0 one that is cut would look complete"
)

const pageRoute = { name: sessionsPath, route: page } as const
const listRoute = { name: "/v1/sessions", route: list } as const
const statsRoute = { name: "/v1/stats", route: stats } as const
const eventsRoute = { name: "/v1/events", route: events } as const
const sessionRoute = { name: "/v1/sessions/{id}", route: session } as const

/** The route of a path, with the name that its requests are counted under. */
const routeOf = (path: string): { readonly name: RouteName; readonly route: Route.Route } | undefined => {
  if (path === sessionsPath) return pageRoute
  if (formats.has(path)) return listRoute
  if (path === "/v1/stats") return statsRoute
  if (path === "/v1/events") return eventsRoute
  return isSessionPath(path) ? sessionRoute : undefined
}

const documentName = (path: string): RouteName => {
  if (path.startsWith("/dashboard")) return "/dashboard"
  return path === "/docs" || path === "/openapi.json" ? path : "/"
}
