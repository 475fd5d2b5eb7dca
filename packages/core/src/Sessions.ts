/**
 * The list of sessions as a stream, read page by page.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Session, SessionId, SessionStatus } from "./Session.ts"
import type { SessionPage } from "./SessionPage.ts"
import { SessionsClient } from "./SessionsClient.ts"
import { PageMismatch, PaginationStuck, SessionsError } from "./SessionsError.ts"

/** What is read, and how. */
export interface StreamOptions {
  /** Only sessions in this status; all by default. The server filters. */
  readonly status?: SessionStatus
  /** Sessions a page, sent as `limit`; the server's default by default, and a server may ignore it. */
  readonly pageSize?: number
  /** Most pages to read before the read fails as stuck; 1,000,000 by default. */
  readonly maxPages?: number
}

/**
 * Streams the sessions, in the order of the list, each id once.
 *
 * **Details**
 *
 * Requests a page only when the consumer needs it, and ends at an empty page or where `totalCount` says the list ends.
 *
 * **Gotchas**
 *
 * The list is read page by page while it changes: a session that moves to a page already read is missed.
 */
export const stream = (options: StreamOptions = {}): Stream.Stream<Session, SessionsError, SessionsClient> =>
  Stream.suspend(() => {
    const { maxPages = 1_000_000, pageSize, status } = options
    const seen = new Set<SessionId>()
    const query = {
      ...(status === undefined ? {} : { status }),
      ...(pageSize === undefined ? {} : { limit: pageSize })
    }
    return Stream.paginate(
      1,
      Effect.fnUntraced(function* (page: number) {
        const client = yield* SessionsClient
        const answer = yield* client.getPage({ ...query, page })
        yield* checkEcho(answer, page)
        if (page >= maxPages) {
          const reason = new PaginationStuck({ detail: `${maxPages} pages were read and the list did not end` })
          return yield* new SessionsError({ page, reason })
        }
        const fresh = answer.sessions.filter((session) => !seen.has(session.id) && seen.add(session.id))
        return [fresh, isLast(answer, page) ? Option.none() : Option.some(page + 1)] as const
      })
    )
  })

/** An answer for another page would be taken for this one's rows: a server that clamps would make an endless loop. */
const checkEcho = (answer: SessionPage, page: number): Effect.Effect<void, SessionsError> =>
  answer.page === undefined || answer.page === page
    ? Effect.void
    : Effect.fail(new SessionsError({ page, reason: new PageMismatch({ requested: page, received: answer.page }) }))

/** A short page proves nothing: only an empty page, or the total, ends the list. */
const isLast = (answer: SessionPage, page: number): boolean =>
  answer.sessions.length === 0 ||
  (answer.totalCount !== undefined && answer.pageSize !== undefined && page * answer.pageSize >= answer.totalCount)
