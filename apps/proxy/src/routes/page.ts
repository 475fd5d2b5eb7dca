/**
 * `GET /api/sessions`: the upstream's bytes, from the cache if they are there.
 */
import { firstProblem } from "@hb-sessions/core/firstProblem"
import { SessionPage } from "@hb-sessions/core/SessionPage"
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import { SessionsError, UnexpectedResponse } from "@hb-sessions/core/SessionsError"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Answer from "../cache/CachedResponse.ts"
import { headerValue } from "../http/upstreamProblem.ts"
import * as Metrics from "../operations/Metrics.ts"
import { links, type PageQuery } from "./PageQuery.ts"
import { CurrentRequestId } from "../upstream/UpstreamHttp.ts"

const decode = Schema.decodeUnknownResult(SessionPage)

/**
 * Fetches a page and prepares it for sending.
 *
 * **Details**
 *
 * The body stays as it came. One that does not fit the contract is counted and reported, and refused if `isStrict`.
 */
export const load = Effect.fn("Pages.load")(function* (
  { query, extra, key }: PageQuery,
  options: { readonly isStrict: boolean; readonly requestId: string; readonly hide: (text: string) => string }
) {
  const client = yield* SessionsClient
  // Core sends whatever the query holds; its type names only what the contract names.
  const sent = { ...extra, ...query }
  const { body, json, requestId } = yield* client
    .getPageResponse(sent)
    .pipe(Effect.provideService(CurrentRequestId, options.requestId))
  const decoded = decode(json)
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
  return Answer.make(body, {
    contentType: "application/json; charset=utf-8",
    statuses: new Set(rows.map(statusOf)),
    headers: [
      ...(link === undefined ? [] : ["link", link]),
      ...(requestId === undefined ? [] : ["x-upstream-request-id", headerValue(options.hide(requestId))])
    ]
  })
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
