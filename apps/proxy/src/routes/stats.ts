/**
 * `GET /v1/stats`: summary statistics of the sessions of a query.
 */
import { ScanReport } from "@hb-sessions/core/ScanReport"
import * as Sessions from "@hb-sessions/core/Sessions"
import { SessionsSummary, summarize } from "@hb-sessions/core/SessionsStats"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as StatusAccess from "../access/StatusAccess.ts"
import * as CachedResponse from "../cache/CachedResponse.ts"
import * as ReadQuery from "./ReadQuery.ts"
import type { Route } from "./Route.ts"

/** Schema for the answer of `/v1/stats`. */
export const StatsAnswer = Schema.Struct({
  stats: SessionsSummary,
  report: ScanReport.annotateKey({ description: "How the list was read, and whether all of it was" })
}).annotate({ identifier: "StatsAnswer" })

const encoder = new TextEncoder()
const contentType = "application/json; charset=utf-8"

/** Summarizes the sessions of a query; of `statuses` only, unless it is undefined. */
const load = Effect.fn("stats.load")(function* (
  { options }: ReadQuery.ReadQuery,
  statuses: ReadonlySet<string> | undefined,
  concurrency: number
) {
  let report: ScanReport | undefined
  const visible = StatusAccess.filter(statuses)
  const summary = yield* summarize(
    Sessions.pages({ ...options, concurrency, onReport: (made) => Effect.sync(() => (report = made)) }).pipe(
      Stream.flatMap(({ sessions }) => Stream.fromIterable(visible.rows(sessions)))
    )
  )
  const body = JSON.stringify({ stats: summary, report: visible.report(report) })
  return CachedResponse.make(encoder.encode(body), { contentType })
})

/** The cache key: tokens of some statuses share the answer to the statuses that they asked for. */
const keyOf = ({ key }: ReadQuery.ReadQuery, asked: ReadonlySet<string> | undefined): string =>
  `stats:${StatusAccess.keyOf(asked)}:${key}`

/** The route. */
export const stats: Route = (exchange, client) =>
  Result.map(ReadQuery.read(exchange, client, "stats"), (query) => {
    const asked = client.statuses === undefined ? undefined : new Set(query.statuses)
    return {
      _tag: "Kept" as const,
      kind: "list" as const,
      key: keyOf(query, asked),
      load: ({ readConcurrency }) => load(query, asked, readConcurrency)
    }
  })
