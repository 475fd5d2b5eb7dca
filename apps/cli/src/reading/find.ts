/**
 * Sessions by id, found in the list: the API that this project reads has no other way.
 */
import { AppError, exitCodes } from "@hb-sessions/app-kit/AppError"
import type { Session } from "@hb-sessions/core/Session"
import * as Sessions from "@hb-sessions/core/Sessions"
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import type { ScanReport } from "@hb-sessions/core/ScanReport"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Traffic } from "./Traffic.ts"
import { counted } from "../output/text.ts"
import { usage } from "../settings/usage.ts"
import { reading } from "./selection.ts"
import { LEAST, Wanted } from "./Wanted.ts"

/** What was found, and what the whole list was, if it had to be read to its end. */
interface Found {
  /** In the order of the ids that were given, each once. */
  readonly sessions: ReadonlyArray<Session>
  readonly missing: ReadonlyArray<string>
  readonly report: ScanReport | undefined
}

/**
 * Reads the list from both ends until every id has been met, or to its proven end.
 *
 * The beginning of an id will do if no other id begins so, which takes the whole list to know. Fails when one does.
 */
export const find = Effect.fnUntraced(function* (ids: ReadonlyArray<string>) {
  const wanted = new Wanted(ids)
  const { concurrency, ...whole } = yield* reading
  const behind = wanted.isExact ? Math.floor(concurrency / 2) : 0
  const begun = yield* Deferred.make<FirstPage>()
  let reached = 0
  let report: ScanReport | undefined
  const forward = Sessions.pages({
    ...whole,
    concurrency: concurrency - behind,
    consistency: "verified",
    onReport: (value) =>
      Effect.sync(() => {
        report = value
      })
  }).pipe(
    Stream.tap(({ page, sessions }) => {
      wanted.take(sessions)
      reached = Math.max(reached, page)
      return Deferred.succeed(begun, { rows: sessions.length })
    }),
    Stream.takeUntil(() => wanted.isDone),
    Stream.runDrain
  )
  const backward = Effect.andThen(
    Effect.flatMap(Deferred.await(begun), (first) =>
      readBackward({ wanted, first, concurrency: behind, reached: () => reached, pageSize: whole.pageSize })
    ),
    // What is not there is for the reading from the front to prove.
    Effect.suspend(() => (wanted.isDone ? Effect.void : Effect.never))
  )
  yield* behind === 0 ? forward : Effect.raceFirst(forward, backward)
  const { ambiguous } = wanted
  if (ambiguous !== undefined) {
    return yield* usage(
      `${JSON.stringify(ambiguous.given)} begins ${counted(ambiguous.ids.length, "id")}, such as ${ambiguous.ids.slice(0, 3).join(", ")}; give more of it`
    )
  }
  return { sessions: wanted.found, missing: wanted.missing, report } satisfies Found
})

interface FirstPage {
  readonly rows: number
}

interface Backward {
  readonly wanted: Wanted
  readonly first: FirstPage
  readonly concurrency: number
  /** The last page that was read from the front. */
  readonly reached: () => number
  readonly pageSize: number | undefined
}

/** Reads from the last page towards what was read from the front; ends early where the server does not go along. */
const readBackward = Effect.fnUntraced(function* ({ concurrency, first, pageSize, reached, wanted }: Backward) {
  const client = yield* SessionsClient
  const { total } = yield* Traffic
  if (total === undefined || first.rows === 0) return
  const last = Math.ceil(total / first.rows)
  yield* Stream.range(0, last - 1).pipe(
    Stream.map((index) => last - index),
    Stream.takeWhile((page) => page > reached() && !wanted.isDone),
    Stream.mapEffect((page) => client.getPage({ page, ...(pageSize === undefined ? {} : { limit: pageSize }) }), {
      concurrency,
      unordered: true
    }),
    Stream.tap(({ sessions }) => Effect.sync(() => wanted.take(sessions))),
    Stream.takeUntil(() => wanted.isDone),
    Stream.runDrain,
    Effect.ignore
  )
})

/** Why an id was not found; undefined when all were. */
export const notFound = ({ missing, report }: Found): AppError | undefined => {
  if (missing.length === 0) return undefined
  const ids = missing.map((id) => JSON.stringify(id)).join(", ")
  const isShort = missing.some((id) => id.length < LEAST)
  const read = counted(report?.distinctRows ?? 0, "session")
  const certainty =
    report?.completeness.status === "proven"
      ? `${read} read, and it is proven that those are all; check the id and the profile`
      : `${read} read, while the list changed; try again`
  return new AppError({
    message: `there is no session ${ids}: ${certainty}${isShort ? `; the beginning of an id takes at least ${LEAST} characters` : ""}`,
    exitCode: exitCodes.notFound
  })
}
