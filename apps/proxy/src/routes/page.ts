/**
 * `GET /api/sessions`: one page, as the upstream sent its bytes, from the cache if it is there.
 */
import * as Effect from "effect/Effect"
import * as Metrics from "../operations/Metrics.ts"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { CurrentRequestId, CurrentTransform } from "../upstream/UpstreamHttp.ts"
import { flat } from "../cache/flat.ts"
import { holdsSecret } from "../cache/holdsSecret.ts"
import { ListQuery, sessionsPath } from "@hb-sessions/core/SessionsApi"
import { SessionPage } from "@hb-sessions/core/SessionPage"
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import { SessionsError, UnexpectedResponse } from "@hb-sessions/core/SessionsError"
import { firstProblem } from "@hb-sessions/core/firstProblem"
import { headerValue } from "../http/upstreamProblem.ts"
import { invalidParameter, type Rejection } from "../http/Problem.ts"
import { queryProblem } from "../http/queryProblem.ts"
import * as StatusAccess from "../access/StatusAccess.ts"
import * as CachedResponse from "../cache/CachedResponse.ts"
import type { Route, RouteOptions } from "./Route.ts"

/** A query that can be sent. */
export interface PageQuery {
  readonly query: ListQuery
  /** Parameters that the contract does not know, in order, with all their values. */
  readonly extra: Readonly<Record<string, ReadonlyArray<string>>>
  /** The same for all spellings of the same query. */
  readonly key: string
  /** What the page is kept by. */
  readonly cacheKey: string
}

const MAX_PARAMETERS = 50

const known = ["page", "status", "limit"] as const

const decodeQuery = Schema.decodeUnknownResult(Schema.toCodecStringTree(ListQuery))

/** Reads the part of a URL from `?` on; may be empty. */
export const parse = (search: string): Result.Result<PageQuery, Rejection> => {
  const parameters = new URLSearchParams(search)
  if (parameters.size > MAX_PARAMETERS) {
    return Result.fail(invalidParameter("?", `there are more than ${MAX_PARAMETERS} parameters`))
  }
  const given: Record<string, string> = {}
  const extra: Array<readonly [string, ReadonlyArray<string>]> = []
  for (const name of new Set(parameters.keys())) {
    const values = parameters.getAll(name)
    if (!known.some((parameter) => parameter === name)) {
      extra.push([name, values])
      continue
    }
    const [value = ""] = values
    if (values.length > 1) return Result.fail(invalidParameter(name, "given more than once"))
    if (value === "") return Result.fail(invalidParameter(name, "empty; leave it out instead"))
    given[name] = value
  }
  return Result.mapBoth(decodeQuery(given), {
    onFailure: queryProblem,
    onSuccess: (query) => {
      const key = canonical(query, extra)
      return { query, extra: Object.fromEntries(extra), key, cacheKey: flat(`page?${key}`) }
    }
  })
}

const canonical = (query: ListQuery, extra: ReadonlyArray<readonly [string, ReadonlyArray<string>]>): string => {
  const parameters = new URLSearchParams()
  for (const name of known) {
    const value = query[name]
    if (value !== undefined) parameters.set(name, String(value))
  }
  for (const [name, values] of extra) for (const value of values) parameters.append(name, value)
  return parameters.toString()
}

/** Longest `Link`: servers in front of this one often take no more than 4 KiB of headers in all. */
const MAX_LINK = 2048

/**
 * The `Link` header (RFC 8288) of a page: `first`, `prev`, `next` and `last`, as far as they are known; undefined where
 * it would be longer than 2048 characters, as each of them repeats the query.
 *
 * `next` is left out on the last page. Without a total there is a `next` as long as pages hold sessions.
 */
export const links = (
  { key, query }: Omit<PageQuery, "cacheKey">,
  page: { readonly rows: number; readonly pageSize: number | undefined; readonly totalCount: number | undefined }
): string | undefined => {
  const number = query.page ?? 1
  const last =
    page.totalCount === undefined || page.pageSize === undefined || page.pageSize < 1
      ? undefined
      : Math.max(1, Math.ceil(page.totalCount / page.pageSize))
  const link = (rel: string, target: number) => {
    const parameters = new URLSearchParams(key)
    parameters.set("page", String(target))
    return `<${sessionsPath}?${parameters.toString()}>; rel="${rel}"`
  }
  const hasNext = last === undefined ? page.rows > 0 : number < last
  const header = [
    link("first", 1),
    ...(number > 1 ? [link("prev", last === undefined ? number - 1 : Math.min(number - 1, last))] : []),
    ...(hasNext ? [link("next", number + 1)] : []),
    ...(last === undefined ? [] : [link("last", last)])
  ].join(", ")
  return header.length > MAX_LINK ? undefined : header
}

const decodePage = Schema.decodeUnknownResult(SessionPage)

/**
 * Fetches a page and prepares it for sending.
 *
 * **Details**
 *
 * The body stays as it came. One that does not fit the contract is counted and reported, and is a failure if `isStrict`.
 */
const load = Effect.fn("page.load")(function* (
  { query, extra, key }: PageQuery,
  options: Pick<RouteOptions, "isStrict" | "hide"> & { readonly requestId: string }
) {
  const client = yield* SessionsClient
  // Core sends whatever the query holds; its type names only what the contract names.
  const sent = { ...extra, ...query }
  let mayTransform = true
  const { body, json, requestId } = yield* client.getPageResponse(sent).pipe(
    Effect.provideService(CurrentRequestId, options.requestId),
    Effect.provideService(CurrentTransform, (isAllowed) => (mayTransform = isAllowed))
  )
  const decoded = decodePage(json)
  if (Result.isFailure(decoded)) {
    const { detail, path } = firstProblem(decoded.failure.issue)
    Metrics.count(Metrics.outsideContract)
    yield* Effect.logWarning("the upstream's answer does not fit the contract").pipe(
      Effect.annotateLogs({ path, requestId: options.requestId })
    )
    if (options.isStrict) {
      const reason = new UnexpectedResponse({
        status: 200,
        path,
        detail,
        ...(requestId === undefined ? {} : { requestId })
      })
      return yield* new SessionsError({ page: query.page ?? 1, reason })
    }
  }
  const rows = rowsOf(json)
  const page = {
    rows: rows.length,
    pageSize: numberOf(json, "pageSize", "perPage"),
    totalCount: numberOf(json, "totalCount")
  }
  const link = links({ query, extra, key }, page)
  return CachedResponse.make(body, {
    contentType: "application/json; charset=utf-8",
    statuses: new Set(rows.map(statusOf)),
    // The size of a compressed page would tell who can choose a part of it, and sees the sizes, how much alike that is
    // to a secret in it (BREACH). What the proxy does not know the upstream may repeat in its answer.
    isFixed: !mayTransform || Object.keys(extra).length > 0 || holdsSecret(json),
    headers: [
      ...(link === undefined ? [] : ["link", link]),
      ...(requestId === undefined ? [] : ["x-upstream-request-id", headerValue(options.hide(requestId))])
    ]
  })
})

const MAX_REMEMBERED = 2048

/** Makes a `parse` that remembers the queries it has read lately. */
const remembering = (): typeof parse => {
  const seen = new Map<string, ReturnType<typeof parse>>()
  return (search) => {
    const found = seen.get(search)
    if (found !== undefined) return found
    if (seen.size >= MAX_REMEMBERED) seen.clear()
    const result = parse(search)
    // A long text is hardly asked for again, and 2048 of them would be a lot of memory.
    if (search.length <= 256) seen.set(search, result)
    return result
  }
}

const remembered = remembering()

/** The route. */
export const page: Route = (exchange, client) =>
  Result.flatMap(remembered(exchange.search), (query) => {
    const { status } = query.query
    const rejected = StatusAccess.checkQuery(
      client,
      status === undefined ? undefined : [status],
      Object.keys(query.extra)
    )
    return rejected === undefined
      ? Result.succeed({
          _tag: "Kept" as const,
          kind: "page" as const,
          key: query.cacheKey,
          load: (options) => load(query, { ...options, requestId: exchange.id })
        })
      : Result.fail(rejected)
  })

const rowsOf = (json: unknown): ReadonlyArray<unknown> =>
  Predicate.hasProperty(json, "sessions") && Array.isArray(json.sessions) ? json.sessions : []

const statusOf = (row: unknown): string =>
  Predicate.hasProperty(row, "status") && typeof row.status === "string" ? row.status : ""

const numberOf = (json: unknown, ...names: ReadonlyArray<string>): number | undefined => {
  for (const name of names) {
    const value = Predicate.hasProperty(json, name) ? json[name] : undefined
    // What no list has, such as -1, tells nothing.
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value
    if (typeof value === "string" && /^\d{1,15}$/.test(value)) return Number(value)
  }
  return undefined
}
