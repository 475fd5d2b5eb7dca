/**
 * The sessions of a list: one page, as many as a limit takes, or all with a report.
 */
import type { Session } from "@hb-sessions/core/Session"
import * as Sessions from "@hb-sessions/core/Sessions"
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import type { ScanReport } from "@hb-sessions/core/ScanReport"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { reading, type select, type Times } from "../../reading/selection.ts"
import { unproven } from "../../reading/summary.ts"
import type { ListInput } from "../list.ts"
import type { Chunk, Chunks } from "./Chunk.ts"
import { keptChunks } from "./kept.ts"
import type { ResumeFile } from "./ResumeFile.ts"

/** Sessions a page when the server does not say otherwise; only a guess at how many pages a limit takes. */
const COMMON_PAGE_SIZE = 10

/** The sessions, what the read reports when it has ended, and how `--strict` takes it. */
export const chunksOf = Effect.fnUntraced(function* (
  input: ListInput,
  limit: number,
  { filters, matches, options, times }: Effect.Success<ReturnType<typeof select>>,
  kept: ResumeFile | undefined
) {
  const whole = yield* reading
  const report: { value: ScanReport | undefined } = { value: undefined }
  const start = yield* Clock.currentTimeMillis
  const keep = (sessions: ReadonlyArray<Session>) => (filters ? sessions.filter(matches) : sessions)
  const finish = (strict: boolean) =>
    Effect.suspend(() => {
      const failure = strict && report.value !== undefined ? unproven(report.value) : undefined
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
    const chunks: Chunks = Stream.fromEffect(
      Effect.map(onePage(page, options.status, times, whole.pageSize), ({ sessions, unreadableRows = [] }) => {
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
  const onReport = (value: ScanReport) =>
    Effect.sync(() => {
      report.value = value
    })
  if (kept !== undefined)
    return { ...known, chunks: keptChunks(kept, { ...options, ...whole, onReport, onUnreadableRow }, keep) }
  const chunks: Chunks = Sessions.pages({
    ...options,
    ...whole,
    ...(isBounded ? bounded : {}),
    ...(Option.isSome(input.resume) ? { from: input.resume.value } : {}),
    onReport,
    onUnreadableRow
  }).pipe(Stream.map(({ resumeToken, sessions }) => ({ sessions: keep(sessions), token: resumeToken })))
  return { ...known, chunks }
})

export type Read = Effect.Success<ReturnType<typeof chunksOf>>

/** One page of the API, with the filters that the API does not have. */
const onePage = Effect.fnUntraced(function* (
  page: number,
  status: Sessions.ReadOptions["status"],
  { since, until }: Times,
  pageSize: number | undefined
) {
  const client = yield* SessionsClient
  const answer = yield* client.getPage({
    page,
    ...(typeof status === "string" ? { status } : {}),
    ...(pageSize === undefined ? {} : { limit: pageSize })
  })
  const from = since ?? -Infinity
  const to = until ?? Infinity
  const isBound = since !== undefined || until !== undefined
  const sessions = answer.sessions.filter(
    ({ createdAt, status: actual }) =>
      (!Array.isArray(status) || status.includes(actual)) &&
      (!isBound || (createdAt !== undefined && createdAt >= from && createdAt < to))
  )
  return { ...answer, sessions }
})

/** Ends with the limit, and without asking for the page behind it. */
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
