/**
 * `GET /v1/sessions/{id}` and `GET /v1/stats`: small answers that need the whole list, or much of it.
 */
import { withoutSecrets } from "@hb-sessions/core/secretKeys"
import { encodeSession } from "@hb-sessions/core/SessionsNdjson"
import * as Sessions from "@hb-sessions/core/Sessions"
import { SessionsSummary, summarize } from "@hb-sessions/core/SessionsStats"
import { ScanReport } from "@hb-sessions/core/ScanReport"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Answer from "../cache/CachedResponse.ts"
import type { ReadQuery } from "./ReadQuery.ts"
import * as Visible from "../access/StatusAccess.ts"

/** Schema for the answer of `/v1/stats`. */
export const StatsAnswer = Schema.Struct({
  stats: SessionsSummary,
  report: ScanReport.annotateKey({ description: "How the list was read, and whether all of it was" })
}).annotate({ identifier: "StatsAnswer" })

/** No session has the id, as far as the list tells. */
export class SessionNotFound extends Schema.TaggedError<SessionNotFound>()("SessionNotFound", {
  /** Whether the read proves that the session was not there all the time. */
  isProven: Schema.Boolean
}) {}

const encoder = new TextEncoder()
const contentType = "application/json; charset=utf-8"

/**
 * Looks for one session: reads until it is met, and the whole list if it is not.
 *
 * **Details**
 *
 * With `statuses` only sessions in one of them are looked at: another one takes the same requests as one that is not
 * there.
 */
export const one = Effect.fn("Summaries.one")(function* (
  id: string,
  statuses: ReadonlySet<string> | undefined,
  concurrency: number
) {
  let report: ScanReport | undefined
  const visible = Visible.make(statuses)
  const found = yield* Sessions.pages({
    ...(statuses === undefined ? {} : statusOption(statuses)),
    concurrency,
    onReport: (made) => Effect.sync(() => (report = made))
  }).pipe(
    Stream.flatMap(({ sessions }) => Stream.fromIterable(visible.rows(sessions))),
    Stream.filter((session) => session.id === id),
    Stream.runHead
  )
  if (Option.isNone(found)) {
    return yield* new SessionNotFound({ isProven: report?.completeness.status === "proven" })
  }
  const session = found.value
  return Answer.make(encoder.encode(encodeSession(withoutSecrets(session))), {
    contentType,
    statuses: new Set([session.status ?? ""])
  })
})

/** The API filters by one status; of several the sessions are picked here. */
const statusOption = (statuses: ReadonlySet<string>): Pick<Sessions.ReadOptions, "status"> => {
  const [single, ...others] = statuses
  return others.length === 0 && single !== undefined ? { status: single } : { status: [...statuses] }
}

/** Sums up the sessions of a query; of `statuses` only, unless it is undefined. */
export const stats = Effect.fn("Summaries.stats")(function* (
  { options }: ReadQuery,
  statuses: ReadonlySet<string> | undefined,
  concurrency: number
) {
  let report: ScanReport | undefined
  const visible = Visible.make(statuses)
  const summary = yield* summarize(
    Sessions.pages({ ...options, concurrency, onReport: (made) => Effect.sync(() => (report = made)) }).pipe(
      Stream.flatMap(({ sessions }) => Stream.fromIterable(visible.rows(sessions)))
    )
  )
  const body = JSON.stringify({ stats: summary, report: visible.report(report) })
  return Answer.make(encoder.encode(body), { contentType })
})
