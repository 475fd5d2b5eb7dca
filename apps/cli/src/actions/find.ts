/**
 * Sessions by id, found in the list: the API that this project reads has no other way.
 */
import { AppError, exitCodes } from "@hb-sessions/app-kit/AppError"
import type { Session } from "@hb-sessions/core/Session"
import * as Sessions from "@hb-sessions/core/Sessions"
import type { SweepReport } from "@hb-sessions/core/SweepReport"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { counted } from "../terminal/text.ts"
import { reading } from "./selection.ts"

/** What was found, and what the whole list was, if it had to be read to its end. */
export interface Found {
  readonly sessions: ReadonlyMap<string, Session>
  readonly missing: ReadonlyArray<string>
  readonly report: SweepReport | undefined
}

/** Reads the list until every id has been met, or to its proven end. */
export const find = Effect.fnUntraced(function* (ids: ReadonlyArray<string>) {
  const wanted = new Set(ids)
  const sessions = new Map<string, Session>()
  let report: SweepReport | undefined
  yield* Sessions.pages({
    ...(yield* reading),
    consistency: "verified",
    onReport: (value) =>
      Effect.sync(() => {
        report = value
      })
  }).pipe(
    Stream.tap((page) =>
      Effect.sync(() => {
        for (const session of page.sessions) if (wanted.has(session.id)) sessions.set(session.id, session)
      })
    ),
    Stream.takeUntil(() => sessions.size === wanted.size),
    Stream.runDrain
  )
  return { sessions, missing: [...wanted].filter((id) => !sessions.has(id)), report } satisfies Found
})

/** Why an id was not found; undefined when all were. */
export const notFound = ({ missing, report }: Found): AppError | undefined => {
  if (missing.length === 0) return undefined
  const ids = missing.map((id) => JSON.stringify(id)).join(", ")
  const read = counted(report?.distinctRows ?? 0, "session")
  const certainty =
    report?.completeness.status === "proven"
      ? `${read} read, and it is proven that those are all; check the id and the profile`
      : `${read} read, while the list changed; try again`
  return new AppError({
    message: `there is no session ${ids}: ${certainty}`,
    exitCode: exitCodes.notFound
  })
}
