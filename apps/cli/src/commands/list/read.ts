/**
 * The sessions of a list: one page, as many as a limit takes, or all with a report.
 */
import * as SteadyTime from "@hb-sessions/app-kit/SteadyTime"
import type { Session } from "@hb-sessions/core/Session"
import * as Sessions from "@hb-sessions/core/Sessions"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { reading, type select } from "../../reading/selection.ts"
import { unproven } from "../../reading/summary.ts"
import type { ListInput } from "../list.ts"
import type { Chunk, Chunks } from "./Chunk.ts"
import { keptChunks } from "./kept.ts"
import type { ResumeFile } from "./ResumeFile.ts"

/** Sessions a page when the server does not say otherwise; only a guess at how many pages a limit takes. */
const COMMON_PAGE_SIZE = 10

/** The sessions, the report of the read, and how `--strict` judges it. */
export const chunksOf = Effect.fnUntraced(function* (
  input: ListInput,
  limit: number,
  { filters, matches, options }: Effect.Success<ReturnType<typeof select>>,
  kept: ResumeFile | undefined
) {
  const whole = yield* reading
  const { onReport, report } = yield* Sessions.keepReport
  const start = yield* SteadyTime.now
  const keep = (sessions: ReadonlyArray<Session>) => (filters ? sessions.filter(matches) : sessions)
  const finish = (strict: boolean) =>
    Effect.flatMap(report, (known) => {
      const failure = strict && Option.isSome(known) ? unproven(known.value) : undefined
      return failure === undefined ? Effect.void : Effect.fail(failure)
    })
  const apart = { rows: 0 }
  const onUnreadableRow = () =>
    Effect.sync(() => {
      apart.rows++
    })
  const known = { report, apart, start, finish, isWhole: input.all, limit }

  if (Option.isSome(input.page)) {
    const page = input.page.value
    const size = whole.pageSize === undefined ? {} : { pageSize: whole.pageSize }
    const chunks: Chunks = Stream.fromEffect(
      Effect.map(Sessions.page(page, { ...options, ...size }), ({ sessions, unreadableRows = [] }) => {
        apart.rows += unreadableRows.length
        return { sessions: keep(sessions) }
      })
    )
    return { ...known, chunks }
  }

  // Sorting and filtering need the list as a whole; else no more is read than the limit takes.
  const isBounded = Number.isFinite(limit) && Option.isNone(input.sort)
  const pagesAhead = Math.ceil(limit / (whole.pageSize ?? COMMON_PAGE_SIZE)) - 1
  const bounded = filters
    ? { consistency: "fast" as const }
    : { consistency: "fast" as const, concurrency: Math.max(1, Math.min(whole.concurrency, pagesAhead)) }
  if (kept !== undefined)
    return { ...known, chunks: keptChunks(kept, { ...options, ...whole, onReport, onUnreadableRow }, keep) }
  const chunks: Chunks = Sessions.pages({
    ...options,
    ...whole,
    ...(isBounded ? bounded : {}),
    ...(Option.isSome(input.resume) ? { from: input.resume.value } : {}),
    onReport,
    onUnreadableRow
  }).pipe(Stream.map((chunk) => ({ sessions: keep(chunk.sessions), token: () => chunk.resumeToken })))
  return { ...known, chunks }
})

export type Read = Effect.Success<ReturnType<typeof chunksOf>>

/** Ends at the limit, without a request for the page after it. */
export const atMost = <E, R>(chunks: Stream.Stream<Chunk, E, R>, limit: number): Stream.Stream<Chunk, E, R> =>
  Number.isFinite(limit)
    ? Stream.suspend(() => {
        let left = limit
        return chunks.pipe(
          Stream.map((chunk) => {
            const sessions = chunk.sessions.slice(0, left)
            left -= sessions.length
            return { ...chunk, sessions }
          }),
          Stream.takeUntil(() => left <= 0)
        )
      })
    : chunks
