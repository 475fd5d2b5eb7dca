/**
 * The list of sessions as a stream, read page by page while it changes, with a proof that nothing was missed.
 *
 * A session is *stable* in a read if it is in the list, and matches the filter, from the read's beginning to its end.
 * What a read promises:
 *
 * 1. Every session is emitted at most once.
 * 2. A `verified` read emits every stable session, or its report says `unproven`.
 * 3. A `fast` read reads the list once, and again the pages that sessions were probably skipped on; its report says whether
 *    the list was seen to change.
 *
 * Rows come in the order of the list, as long as the list is quiet; what was skipped while it moved comes after them.
 * Sessions that start during the read are emitted when they are met. What a proof takes for granted its report says; one
 * thing is that no cache stands between the client and the server.
 */
import * as Arr from "effect/Array"
import type * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import { makeQuery } from "./internal/scan/Query.ts"
import { run } from "./internal/scan/run.ts"
import { encode } from "./internal/scan/token.ts"
import type { ResumeToken } from "./ResumeToken.ts"
import type { Session, SessionStatus } from "./Session.ts"
import { SessionsClient } from "./SessionsClient.ts"
import type { DecodedPage, UnreadableRow } from "./SessionPage.ts"
import type { SessionsError } from "./SessionsError.ts"
import type { ScanReport } from "./ScanReport.ts"

/** What is read, and how. */
export interface ReadOptions {
  /** Only sessions in this status, or in one of these; all by default. A status is the one that a session is first met in. */
  readonly status?: SessionStatus | ReadonlyArray<SessionStatus>
  /**
   * Who filters by status; `server` by default, and always `client` for several statuses, as the API takes only one.
   *
   * Sessions leave a list that the server filters, so a verified read of it reads every page at least twice, and can
   * end unproven if much changes. With `client` the whole list is read, which nothing leaves: about once, however long.
   */
  readonly filter?: "server" | "client"
  /** Whether the read goes on until nothing can be missing; `verified` by default. */
  readonly consistency?: "verified" | "fast"
  /** Most pages in flight; 8 by default. The shorter a read, the less the list changes under it. */
  readonly concurrency?: number
  /** Sessions a page, sent as `limit`; the server's default by default. A server may ignore it. */
  readonly pageSize?: number
  /** A token of `pages`, to go on behind its rows; it must be of the same status, filter, page size and times. */
  readonly from?: string
  /**
   * What a verified read with `from` does when it cannot tell which rows were delivered before, as the list has changed:
   * it emits most of them again (`repeat`, the default), or fails with `InvalidResumeToken` (`fail`). Until then it has
   * emitted nothing but rows that are above those in the list, and each chunk has the token of `from`.
   */
  readonly whenChanged?: "repeat" | "fail"
  /** Most pages of the list; a longer one fails as stuck. 1,000,000 by default. */
  readonly maxPages?: number
  /**
   * Retries that all requests of this read may take together before any succeeded; 32 by default, 0 for none. Each
   * success adds one, up to eight times as many, so that an outage does not become a storm.
   */
  readonly retryBudget?: number
  /**
   * Only sessions created then or later: a `DateTime`, a `Date`, ISO 8601 text (UTC if it does not say) or epoch
   * milliseconds. What looks like seconds, or a day that does not exist, is `InvalidOptions`.
   *
   * Filtered here. Sessions without `createdAt` are left out. If the list is newest first, as far as it was read, the
   * read ends at the first page that is older as a whole. A verified read of a list that the server does not filter then
   * takes some three requests to prove that the pages left no gap; any other one proves nothing: `stopped-early`.
   */
  readonly since?: DateTime.DateTime.Input
  /** Only sessions created before then, which must be after `since`. Filtered here; sessions without `createdAt` are left out. */
  readonly until?: DateTime.DateTime.Input
  /** Is run with each row that is no session, as it has no usable id, whatever the filters; once for rows that read alike. */
  readonly onUnreadableRow?: (row: UnreadableRow) => Effect.Effect<void>
  /** Is run with the report when the read ends by itself; not when it fails or is interrupted. */
  readonly onReport?: (report: ScanReport) => Effect.Effect<void>
}

/** The rows of one page that were not emitted before. */
export interface SessionsChunk {
  /** May be empty: all rows are known, or are filtered out. */
  readonly sessions: ReadonlyArray<Session>
  /** The page that they were on, 1-based. */
  readonly page: number
  /**
   * Rows of the page that are no sessions, as they have no usable id, whatever the filters. They count as rows of the
   * list in every proof. Rows that read alike come once, and once more after a resume.
   */
  readonly unreadableRows: ReadonlyArray<UnreadableRow>
  /** Where to go on after these rows; made each time it is read. */
  readonly resumeToken: ResumeToken
}

/**
 * Streams the sessions, each id once.
 *
 * **Details**
 *
 * Asks for page 1, then for at most `concurrency` pages at a time, and for no more while the consumer is busy. Pages
 * are emitted in the order of the list; a failure comes after the rows of all earlier pages. Interruption ends the
 * requests in flight. Memory: at most 48 bytes for each session, outside the JavaScript heap.
 *
 * **Gotchas**
 *
 * A `fast` read believes `totalCount`: where that is too low, it ends there. Rows beyond it on the last page are read; the
 * page after a full one is not, as in a `verified` read.
 *
 * Fails with `PaginationStuck` when pages keep having the same rows, when the size of the pages keeps changing and
 * beyond `maxPages`; with `PageMismatch` when the server answers with another page; with `InvalidResumeToken`; and with
 * every reason of `SessionsClient.getPage`. Times that cannot be read are a defect.
 */
export const stream = (options: ReadOptions = {}): Stream.Stream<Session, SessionsError, SessionsClient> =>
  run(options).pipe(
    Stream.map(({ sessions }) => sessions),
    // `flatMap` makes a scope for each page, and the table of scopes keeps pages long after they are gone.
    Stream.filter(Arr.isReadonlyArrayNonEmpty),
    Stream.flattenArray
  )

/**
 * As `stream`, page by page, with the token to go on from after each.
 *
 * **Details**
 *
 * A caller that keeps the token together with the rows can be interrupted anywhere, and continue with `from`:
 *
 * - If the list did not change, both reads together emit each session once, in the order of the list.
 * - If it did, a `verified` read still emits every session that was stable in both reads and was not delivered before.
 *   It may emit most of those that were again: a token has two kilobytes, so it can tell that the list still begins with
 *   the very rows that were delivered, and else names only some of the last. Drop them by id, or use `scan`.
 * - A `fast` read begins at the last page again and emits what the token does not name.
 *
 * A token proves nothing, so a `verified` read that is resumed reads all pages, and emits those that are new. It can
 * end `unproven`, and then may have lost sessions, as the report says.
 */
export const pages = (options: ReadOptions = {}): Stream.Stream<SessionsChunk, SessionsError, SessionsClient> =>
  Stream.map(run({ ...options, givesPositions: true }), ({ page, position, sessions, unreadableRows }) => ({
    sessions,
    page,
    unreadableRows,
    // A token takes as long as the rest of the page, and most are never kept.
    get resumeToken() {
      return encode(position!())
    }
  }))

/** What a scan reads, and where it goes on. */
export interface ScanOptions<E = never, R = never> extends Omit<ReadOptions, "from" | "whenChanged"> {
  /**
   * The `state` of all chunks that an interrupted scan gave, in their order and in pieces of any size; it must be of the
   * same status, filter, page size and times. None by default: the scan begins.
   *
   * A torn or damaged end is cut off, so that the scan goes on from before it.
   */
  readonly state?: Stream.Stream<Uint8Array, E, R>
  /**
   * Is run before the first request: `bytes` is how much of the state counts, which is where to append what follows;
   * `sessions` were read until there, and `page` was the last page; all are 0 for a scan that begins.
   */
  readonly onRestored?: (restored: {
    readonly bytes: number
    readonly sessions: number
    readonly page: number
  }) => Effect.Effect<void>
  /**
   * Ends the scan without a report as soon as it completes: pages in flight are still given, and at least one page, so
   * that scans that are stopped again and again come to an end. Never by default.
   */
  readonly stopWhen?: Effect.Effect<void>
}

/** What one step of a scan read, and learned. */
export interface ScanChunk {
  /** The sessions that were not emitted before, by this scan or by those that it goes on from. */
  readonly sessions: ReadonlyArray<Session>
  /**
   * Sessions on the page that were read before, as they are now; also those that were filtered out then, or would be now.
   * An answer that was asked for before the latest one with the session tells nothing newer, and gives none.
   */
  readonly repeated: ReadonlyArray<Session>
  /** Rows without a usable id that were not given before. */
  readonly unreadableRows: ReadonlyArray<UnreadableRow>
  /** The page that they were on, 1-based. */
  readonly page: number
  /** What the scan learned: to be kept behind what it learned before. About 24 bytes a session, and 60 a page. */
  readonly state: Uint8Array
}

/**
 * As `pages`, for a scan that survives its process: what it knows is given as bytes to keep, and given back it goes on.
 *
 * **When to use**
 *
 * For long lists, and where rows must not come twice. `pages` needs no more room than a text of a few kilobytes, but
 * reads the list from its beginning again to prove it.
 *
 * **Details**
 *
 * - A caller that appends each chunk's `state` to a file after its sessions can be interrupted anywhere. The
 *   next scan reads on from the last page, or as many pages before it as the list may have moved, and no session comes
 *   again that was kept with its state.
 * - What was proven stays so: the order of events is kept, so a scan in parts ends `proven` when it would have in one, and
 *   its promise is the same, for sessions that were stable from the first part's beginning to the last one's end.
 * - A list that does not change costs no more requests in parts than at once, but for those in flight when a part was
 *   killed. One that is oldest first is then read once more to prove it.
 *
 * **Gotchas**
 *
 * Two scans must not go on from the same state at the same time. Memory is that of `stream`; to restore a million
 * sessions takes about two seconds.
 */
export const scan = <E = never, R = never>(
  options: ScanOptions<E, R> = {}
): Stream.Stream<ScanChunk, SessionsError | E, SessionsClient | R> => {
  const { onRestored = () => Effect.void, state = Stream.empty, stopWhen = Effect.never } = options
  return Stream.map(run<E, R>(options, undefined, { state, onRestored, stopWhen }), ({ learned, ...step }) => ({
    sessions: step.sessions,
    repeated: step.repeated,
    unreadableRows: step.unreadableRows,
    page: step.page,
    state: learned
  }))
}

/** What `collect` gives. */
export interface Collected {
  readonly sessions: ReadonlyArray<Session>
  readonly report: ScanReport
}

/**
 * Reads all sessions into memory, with the report.
 *
 * **When to use**
 *
 * For lists that fit into memory; else use `stream` with `onReport`.
 */
export const collect = (options: ReadOptions = {}): Effect.Effect<Collected, SessionsError, SessionsClient> =>
  Effect.gen(function* () {
    const { onReport = () => Effect.void } = options
    const kept = yield* keepReport
    const sessions = yield* Stream.runCollect(
      stream({ ...options, onReport: (report) => Effect.andThen(kept.onReport(report), onReport(report)) })
    )
    return { sessions, report: yield* Effect.orDie(Effect.fromOption(yield* kept.report)) }
  })

/** A report that is kept for after the read. */
export interface KeptReport {
  /** To be given to the read. */
  readonly onReport: (report: ScanReport) => Effect.Effect<void>
  /** The report; none until the read has ended by itself. */
  readonly report: Effect.Effect<Option.Option<ScanReport>>
}

/** Keeps the report of one read that is consumed as a stream; run it once for each read. */
export const keepReport: Effect.Effect<KeptReport> = Effect.map(Ref.make(Option.none<ScanReport>()), (ref) => ({
  onReport: (report) => Ref.set(ref, Option.some(report)),
  report: Ref.get(ref)
}))

/**
 * Makes a function that tells whether a session is one that a read with these options emits.
 *
 * Filters as a read does, but every status here. A session without the status or the `createdAt` that is asked for is
 * none. Times that cannot be read are a defect.
 */
export const matching = (options: Pick<ReadOptions, "status" | "since" | "until">): ((session: Session) => boolean) =>
  makeQuery({ ...options, filter: "client" }).matches

/** The options that choose the sessions of one page. */
export type PageOptions = Pick<ReadOptions, "status" | "filter" | "since" | "until" | "pageSize">

/**
 * Reads one page of the list, 1-based, without the rows that the filters leave out.
 *
 * **Gotchas**
 *
 * A page proves nothing about the list. Times that cannot be read are a defect.
 */
export const page = (
  number: number,
  options: PageOptions = {}
): Effect.Effect<DecodedPage, SessionsError, SessionsClient> =>
  Effect.suspend(() => {
    const { matches, sent } = makeQuery(options)
    return Effect.map(
      SessionsClient.use((client) => client.getPage({ ...sent, page: number })),
      (answer) => ({ ...answer, sessions: answer.sessions.filter(matches) })
    )
  })
