/**
 * Where every request arrives: checks it, finds its client and its route, and answers from the cache if it can.
 *
 * The order is the point: form, route, method, token, rate, query, cache. What is cheap to refuse is refused first, and
 * nothing of the cache is seen without a token.
 */
import { sessionsPath } from "@hb-sessions/core/SessionsApi"
import * as Result from "effect/Result"
import type { IncomingMessage, ServerResponse } from "node:http"
import { randomBytes } from "node:crypto"
import type * as Answer from "../cache/CachedResponse.ts"
import * as AnswerSend from "../cache/CachedResponse.ts"
import type { ByteCache } from "../cache/ByteCache.ts"
import { Exchange, type LogEntry, type RouteName } from "./Exchange.ts"
import { FairPlaces, type Occupant } from "../access/FairPlaces.ts"
import { type Format, negotiate } from "./ContentNegotiation.ts"
import * as Hygiene from "./RequestValidation.ts"
import { LateRefusals } from "./DelayedRejections.ts"
import { FailureThrottle, RateLimits } from "../access/RateLimits.ts"
import * as Metrics from "../operations/Metrics.ts"
import type { Outbox } from "./Outbox.ts"
import { type PageQuery, remembering } from "../routes/PageQuery.ts"
import { invalidParameter, notCached, type Refusal, refuse } from "./Problem.ts"
import * as ReadQuery from "../routes/ReadQuery.ts"
import { anonymous, type Authenticate, type Client, type StandingOf } from "../access/Token.ts"

/** What is left to be done by a fiber. */
export type Task =
  | { readonly _tag: "Page"; readonly query: PageQuery }
  | { readonly _tag: "List"; readonly format: Format; readonly query: ReadQuery.ReadQuery }
  | { readonly _tag: "One"; readonly id: string }
  | { readonly _tag: "Stats"; readonly query: ReadQuery.ReadQuery }

/** What the gate works with. */
export interface GateOptions<E> {
  readonly authenticate: Authenticate
  /** Tells what became of a client that was found before. */
  readonly standingOf: StandingOf
  readonly isOpen: boolean
  /** Whether the tokens can be believed. */
  readonly hasTokens: () => boolean
  /** Whether a request without a token is meant for this server. */
  readonly isMeant: (request: IncomingMessage) => boolean
  /** Requests a second and at once, for tokens without a rate of their own; undefined for no limit. */
  readonly rate: number | undefined
  readonly burst: number
  readonly maxConcurrent: number
  readonly maxStreams: number
  readonly outbox: Outbox
  readonly corsOrigins: ReadonlySet<string>
  readonly cache: ByteCache<Answer.Answer, E>
  readonly log: (entry: LogEntry) => void
  /** Epoch milliseconds: for tokens, which end at a time of day. */
  readonly timeOfDay: () => number
  /** Steady milliseconds: for everything else. */
  readonly now: () => number
  /** Answers without a token: the documents. */
  readonly documents: ReadonlyMap<string, (exchange: Exchange) => void>
  /** Does what a fiber must do; calls back when the exchange is over. Returns a function that ends it before that. */
  readonly run: (exchange: Exchange, task: Task, onEnd: () => void) => () => void
}

/** A running gate. */
export interface Gate {
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void
  /** From now on every answer closes its connection. */
  readonly drain: () => void
  readonly isDraining: () => boolean
  /** Requests that wait for the upstream or stream. */
  readonly inFlight: () => number
  /** Ends what is under way for tokens that have ended, or allow less than before. */
  readonly endUnallowed: () => void
}

const METHODS = "GET, HEAD, OPTIONS"
const REQUEST_ID = /^[A-Za-z0-9._:-]{1,128}$/
const ONE_PREFIX = "/v1/sessions/"
/** An id is one segment; of percent-encoded ones nobody has heard. */
const SESSION_ID = /^[A-Za-z0-9._~-]{1,128}$/

const listFormats = new Map<string, Format | "negotiated">([
  ["/v1/sessions", "negotiated"],
  ["/v1/sessions.ndjson", "ndjson"],
  ["/v1/sessions.csv", "csv"],
  ["/v1/sessions.json", "json"]
])

/** Makes the gate. */
export const make = <E>(options: GateOptions<E>): Gate => {
  const throttle = new FailureThrottle()
  const limits = new RateLimits()
  const late = new LateRefusals()
  const parsePage = remembering()
  const idPrefix = randomBytes(6).toString("hex")
  let requests = 0
  let isDraining = false
  const pages = new FairPlaces({ max: options.maxConcurrent, extra: 0, yields: "all" })
  const streams = new FairPlaces({ max: options.maxStreams, extra: options.maxStreams, yields: "blocked" })

  const requestId = (header: string | ReadonlyArray<string> | undefined): string =>
    typeof header === "string" && REQUEST_ID.test(header) ? header : `${idPrefix}-${(++requests).toString(36)}`

  /** The client, or why there is none. */
  const authenticate = (exchange: Exchange, credential: string | undefined): Client | Refusal => {
    if (options.isOpen) return anonymous
    if (!options.hasTokens()) return tokensUnavailable
    const client = credential === undefined ? undefined : options.authenticate(credential, options.timeOfDay())
    if (client !== undefined) return client
    Metrics.count(Metrics.authFailures)
    const wait = throttle.note(exchange.address, options.now())
    return wait > 0
      ? refuse("too-many-failures", "too many refused tokens from this address; wait, then use a valid token", {
          headers: { "retry-after": String(wait) },
          isLate: true
        })
      : unauthorized
  }

  /** Takes one request from the client's bucket. */
  const limit = (exchange: Exchange, client: Client): Refusal | undefined => {
    const rate = client.rate ?? options.rate
    if (rate === undefined) return undefined
    const burst = client.rate === undefined ? options.burst : Math.max(1, Math.ceil(client.rate * 2))
    const taken = limits.take(client.id, rate, burst, options.now())
    exchange.common.push(
      "ratelimit-policy",
      `"token";q=${burst};w=${Math.max(1, Math.ceil(burst / rate))}`,
      "ratelimit",
      `"token";r=${taken.remaining};t=${taken.resetSeconds}`
    )
    return taken.isAllowed
      ? undefined
      : refuse("rate-limited", `the token's limit is ${rate} requests a second; wait ${taken.resetSeconds} s`, {
          headers: { "retry-after": String(taken.resetSeconds) },
          isLate: taken.isFlood
        })
  }

  /** What is under way, with what ends it. */
  const running = new Set<{ readonly exchange: Exchange; readonly client: Client; end: () => void }>()

  const endUnallowed = (): void => {
    const now = options.timeOfDay()
    for (const { client, end, exchange } of running) {
      const refusal = options.hasTokens() ? changed[options.standingOf(client, now)] : tokensUnavailable
      if (refusal === undefined) continue
      Metrics.count(Metrics.tokenEnded)
      if (exchange.response.headersSent) exchange.cut(refusal.problem)
      else exchange.refuse(refusal)
      end()
    }
  }

  /** Hands over to a fiber, unless too many are at work. */
  const start = (exchange: Exchange, client: Client, task: Task): void => {
    // Whole lists are never kept.
    if (task._tag === "List" && exchange.wish.isOnlyKept) return exchange.refuse(notCached)
    const entry = { exchange, client, end: () => {} }
    const occupant: Occupant = {
      get blockedSince() {
        return exchange.blockedSince
      },
      giveWay: () => {
        Metrics.count(Metrics.gaveWay)
        if (exchange.response.headersSent) exchange.cut("overloaded")
        else exchange.refuse(overloaded)
        entry.end()
      }
    }
    const place = (task._tag === "Page" ? pages : streams).take(client.id, occupant, performance.now())
    if (place === undefined) return exchange.refuse(overloaded)
    running.add(entry)
    entry.end = options.run(exchange, task, () => {
      running.delete(entry)
      place.leave()
    })
  }

  const page = (exchange: Exchange, client: Client): void => {
    const query = parsePage(exchange.search)
    if (Result.isFailure(query)) return exchange.refuse(query.failure)
    const { status } = query.success.query
    const denied = checkStatuses(client, status === undefined ? undefined : [status])
    if (denied !== undefined) return exchange.refuse(denied)
    const unknown = checkExtra(client, query.success)
    if (unknown !== undefined) return exchange.refuse(unknown)
    const now = options.now()
    const found = options.cache.peek(pageKey(query.success), now, exchange.wish)
    if (found === undefined) return start(exchange, client, { _tag: "Page", query: query.success })
    sendPage(exchange, found, options.cache, now)
  }

  const list = (exchange: Exchange, client: Client, wanted: Format | "negotiated"): void => {
    const format = wanted === "negotiated" ? negotiate(exchange.request.headers.accept, wantsColumns(exchange)) : wanted
    if (format === undefined) {
      return exchange.refuse(
        refuse("not-acceptable", "the formats are application/x-ndjson, text/csv and application/json")
      )
    }
    readTask(exchange, client, format === "csv", (query) => ({ _tag: "List", format, query }))
  }

  const readTask = (
    exchange: Exchange,
    client: Client,
    hasColumns: boolean,
    task: (query: ReadQuery.ReadQuery) => Task
  ): void => {
    const query = ReadQuery.parse(exchange.search, hasColumns)
    if (Result.isFailure(query)) return exchange.refuse(query.failure)
    const denied = checkStatuses(client, query.success.statuses)
    if (denied !== undefined) return exchange.refuse(denied)
    start(exchange, client, task(query.success))
  }

  const one = (exchange: Exchange, client: Client, id: string): void => {
    const [unknown] = new URLSearchParams(exchange.search).keys()
    if (unknown !== undefined) return exchange.refuse(invalidParameter(unknown, "unknown; there are no parameters"))
    start(exchange, client, { _tag: "One", id })
  }

  const cors = (exchange: Exchange): void => {
    const { origin } = exchange.request.headers
    if (origin === undefined || !options.corsOrigins.has(origin)) return
    exchange.common.push(
      "access-control-allow-origin",
      origin,
      "access-control-expose-headers",
      "etag, age, link, cache-status, ratelimit, ratelimit-policy, retry-after, x-request-id, x-upstream-request-id"
    )
    if (exchange.method !== "OPTIONS") return
    exchange.common.push(
      "access-control-allow-methods",
      METHODS,
      "access-control-allow-headers",
      "authorization, x-api-key, content-type, if-none-match, cache-control, pragma, x-request-id",
      "access-control-max-age",
      "600"
    )
  }

  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const exchange = new Exchange(request, response, {
      id: requestId(request.headers["x-request-id"]),
      log: options.log,
      isDraining: () => isDraining,
      outbox: options.outbox
    })
    const inspected = Hygiene.inspect(request)
    if (Hygiene.isRefusal(inspected)) return exchange.refuse(inspected)
    if (options.isOpen && !options.isMeant(request)) return exchange.refuse(misdirected)
    const { path } = exchange
    const document = options.documents.get(path)
    const route = document === undefined ? routeOf(path) : asRoute(path)
    if (route === undefined) {
      return exchange.refuse(refuse("not-found", "nothing is here; / lists what is served"))
    }
    exchange.route = route
    if (options.corsOrigins.size > 0) cors(exchange)
    if (exchange.method === "OPTIONS") return exchange.sendEmpty(204, ["allow", METHODS, "vary", "origin"])
    if (exchange.method !== "GET" && exchange.method !== "HEAD") {
      return exchange.refuse(
        refuse("method-not-allowed", `${path} is only read: ${METHODS}`, { headers: { allow: METHODS } })
      )
    }
    if (document !== undefined) return document(exchange)
    const client = authenticate(exchange, inspected.credential)
    if ("problem" in client) return late.refuse(exchange, client)
    exchange.client = client
    const limited = limit(exchange, client)
    if (limited !== undefined) return late.refuse(exchange, limited)
    if (route === sessionsPath) return page(exchange, client)
    const format = listFormats.get(path)
    if (format !== undefined) return list(exchange, client, format)
    if (route === "/v1/stats") return readTask(exchange, client, false, (query) => ({ _tag: "Stats", query }))
    return one(exchange, client, path.slice(ONE_PREFIX.length))
  }

  return {
    handle,
    drain: () => {
      isDraining = true
    },
    isDraining: () => isDraining,
    inFlight: () => pages.size + streams.size,
    endUnallowed
  }
}

const overloaded = refuse("overloaded", "too many requests are under way; try again in a moment", {
  headers: { "retry-after": "1" }
})

const unauthorized = refuse(
  "unauthorized",
  "send a valid token of this proxy as x-api-key or as Authorization: Bearer",
  { headers: { "www-authenticate": 'Bearer realm="hb-sessions-proxy"' } }
)

/** What a request under way is told when its token has changed. */
const changed = {
  same: undefined,
  less: refuse("status-not-allowed", "this token has been allowed fewer statuses meanwhile; ask again"),
  ended: unauthorized
}

const tokensUnavailable = refuse(
  "tokens-unavailable",
  "the proxy has not been able to read its tokens for too long, so no token is valid now; tell whoever runs the proxy",
  { headers: { "retry-after": "5" } }
)

const misdirected = refuse(
  "misdirected-request",
  "Host names another server; names besides loopback ones must be in --allowed-hosts",
  { close: true }
)

/** Only CSV has columns, so who asks for some means it. */
const wantsColumns = ({ search }: Exchange): boolean =>
  search.includes("columns") && new URLSearchParams(search).has("columns")

const routeOf = (path: string): RouteName | undefined => {
  if (path === sessionsPath) return sessionsPath
  if (listFormats.has(path)) return "/v1/sessions"
  if (path === "/v1/stats") return "/v1/stats"
  return path.startsWith(ONE_PREFIX) && SESSION_ID.test(path.slice(ONE_PREFIX.length)) ? "/v1/sessions/{id}" : undefined
}

const asRoute = (path: string): RouteName => (path === "/docs" || path === "/openapi.json" ? path : "/")

/** The key of a page in the cache. */
export const pageKey = (query: PageQuery): string => `page?${query.key}`

/** Sends a page, unless it holds sessions that the client must not see. */
export const sendPage = <E>(
  exchange: Exchange,
  found: Parameters<typeof AnswerSend.send>[1],
  cache: ByteCache<Answer.Answer, E>,
  now: number
): void => {
  const allowed = exchange.client?.statuses
  if (allowed !== undefined && [...found.value.statuses].some((status) => !allowed.has(status))) {
    return exchange.refuse(
      refuse("upstream-invalid", "the upstream did not filter by status, and the token does not allow all of them")
    )
  }
  AnswerSend.send(exchange, found, cache, now)
}

/** A token of some statuses must say which of them it wants: nothing is filtered behind a client's back. */
const checkStatuses = ({ statuses }: Client, wanted: ReadonlyArray<string> | undefined): Refusal | undefined => {
  if (statuses === undefined || (wanted !== undefined && wanted.every((status) => statuses.has(status))))
    return undefined
  const names = [...statuses].join(", ")
  return refuse("status-not-allowed", `this token needs the parameter status, and may ask for: ${names}`, {
    parameter: "status"
  })
}

/** What an upstream makes of a parameter that nobody here knows may widen what a token of some statuses is shown. */
const checkExtra = ({ statuses }: Client, { extra }: PageQuery): Refusal | undefined => {
  const [unknown] = statuses === undefined ? [] : Object.keys(extra)
  return unknown === undefined
    ? undefined
    : invalidParameter(unknown, "unknown; a token of some statuses may send page, status and limit")
}
