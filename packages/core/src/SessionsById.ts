/**
 * Sessions by id, found in the list: the contract has no request for one session.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { IdMatches } from "./internal/IdMatches.ts"
import type { ScanReport } from "./ScanReport.ts"
import type { Session } from "./Session.ts"
import * as Sessions from "./Sessions.ts"
import { SessionsClient } from "./SessionsClient.ts"
import type { SessionsError } from "./SessionsError.ts"

/** How the list is read. */
export type FindOptions = Pick<Sessions.ReadOptions, "concurrency" | "pageSize">

/** What was found. */
export interface Found {
  /** In the order of the ids that were given, each session once. */
  readonly sessions: ReadonlyArray<Session>
  /** The ids that were not found, and those that are ambiguous. */
  readonly missing: ReadonlyArray<string>
  /** The beginnings of several ids, with those ids. */
  readonly ambiguous: ReadonlyArray<{ readonly given: string; readonly ids: ReadonlyArray<string> }>
  /** The report of the list; none if it was not read to its end. */
  readonly report: Option.Option<ScanReport>
}

/**
 * Finds sessions by their ids, or by the beginnings of their ids.
 *
 * **Details**
 *
 * Whole ids are searched for from both ends of the list at once, until each has been found; what is not there takes a
 * verified read. The beginning of an id, of at least `leastPrefix` characters, takes a verified read too, since another
 * id may begin alike. An ellipsis at the end is ignored. `concurrency` is 8 by default, for both ends together.
 */
export const find = Effect.fn("SessionsById.find")(function* (
  ids: ReadonlyArray<string>,
  { concurrency = 8, pageSize }: FindOptions = {}
): Effect.fn.Return<Found, SessionsError, SessionsClient> {
  const client = yield* SessionsClient
  const matches = new IdMatches(ids)
  const size = pageSize === undefined ? {} : { pageSize }
  const behind = matches.isExact ? Math.floor(concurrency / 2) : 0
  const first = yield* Deferred.make<number>()
  const { onReport, report } = yield* Sessions.keepReport
  let reached = 0
  let total: number | undefined
  const forward = Sessions.pages({
    ...size,
    concurrency: concurrency - behind,
    consistency: "verified",
    onReport
  }).pipe(
    Stream.tap(({ page, sessions }) => {
      matches.take(sessions)
      reached = Math.max(reached, page)
      return Deferred.succeed(first, sessions.length)
    }),
    Stream.takeUntil(() => matches.isDone),
    Stream.runDrain,
    Effect.provideService(SessionsClient, {
      ...client,
      getPage: (query) =>
        Effect.tap(client.getPage(query), ({ totalCount }) =>
          Effect.sync(() => {
            total = totalCount ?? total
          })
        )
    })
  )
  /** Reads from the last page towards `reached`; ends early where the server fails, as the other end decides. */
  const backward = Effect.gen(function* () {
    const rows = yield* Deferred.await(first)
    if (total === undefined || !Number.isSafeInteger(total) || total < 0 || rows === 0) return
    const last = Math.ceil(total / rows)
    yield* Stream.range(0, last - 1).pipe(
      Stream.map((index) => last - index),
      Stream.takeWhile((page) => page > reached && !matches.isDone),
      Stream.mapEffect((page) => client.getPage({ page, ...(pageSize === undefined ? {} : { limit: pageSize }) }), {
        concurrency: behind,
        unordered: true
      }),
      Stream.tap(({ sessions }) => Effect.sync(() => matches.take(sessions))),
      Stream.takeUntil(() => matches.isDone),
      Stream.runDrain,
      Effect.ignore
    )
  })
  const whenFound = Effect.suspend(() => (matches.isDone ? Effect.void : Effect.never))
  yield* behind === 0 ? forward : Effect.raceFirst(forward, Effect.andThen(backward, whenFound))
  return { sessions: matches.found, missing: matches.missing, ambiguous: matches.ambiguous, report: yield* report }
})

export { leastPrefix } from "./internal/IdMatches.ts"
