/**
 * `GET /v1/sessions/{id}`: one session, looked for in the list.
 */
import type { ScanReport } from "@hb-sessions/core/ScanReport"
import { withoutSecrets } from "@hb-sessions/core/secretKeys"
import * as Sessions from "@hb-sessions/core/Sessions"
import { encodeSession } from "@hb-sessions/core/SessionsNdjson"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as StatusAccess from "../access/StatusAccess.ts"
import * as CachedResponse from "../cache/CachedResponse.ts"
import { invalidParameter } from "../http/Problem.ts"
import type { Route } from "./Route.ts"
import { SessionNotFound } from "./SessionNotFound.ts"

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
const load = Effect.fn("session.load")(function* (
  id: string,
  statuses: ReadonlySet<string> | undefined,
  concurrency: number
) {
  let report: ScanReport | undefined
  const visible = StatusAccess.filter(statuses)
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
  return CachedResponse.make(encoder.encode(encodeSession(withoutSecrets(session))), {
    contentType,
    statuses: new Set([session.status ?? ""])
  })
})

/** The API filters by one status; of several the sessions are picked here. */
const statusOption = (statuses: ReadonlySet<string>): Pick<Sessions.ReadOptions, "status"> => {
  const [single, ...others] = statuses
  return others.length === 0 && single !== undefined ? { status: single } : { status: [...statuses] }
}

/** What precedes the id. */
const PREFIX = "/v1/sessions/"
/** An id is one segment, without percent-encoding. */
const SESSION_ID = /^[A-Za-z0-9._~-]{1,128}$/

/** Whether a path is that of a session. */
export const isSessionPath = (path: string): boolean =>
  path.startsWith(PREFIX) && SESSION_ID.test(path.slice(PREFIX.length))

/** The cache key: what others have looked up tells nothing to a token that must not see all. */
const keyOf = (id: string, statuses: ReadonlySet<string> | undefined): string =>
  `one:${StatusAccess.keyOf(statuses)}:${id}`

/** The route. */
export const session: Route = ({ path, search }, { statuses }) => {
  const [unknown] = new URLSearchParams(search).keys()
  if (unknown !== undefined) return Result.fail(invalidParameter(unknown, "unknown; there are no parameters"))
  const id = path.slice(PREFIX.length)
  return Result.succeed({
    _tag: "Kept",
    kind: "list",
    key: keyOf(id, statuses),
    load: ({ readConcurrency }) => load(id, statuses, readConcurrency)
  })
}
