/**
 * What is known while someone is signed in: the sessions that were read, and which of them are active.
 */
import type { Session } from "@hb-sessions/core/Session"
import { toJson, toRecord } from "@hb-sessions/core/SessionsNdjson"
import type { News } from "./ActiveSessions.ts"
import { sessionsOf } from "./api.ts"
import { type Row, rowOf } from "./Row.ts"

/** What the page says of a session that is not active any more, until it is read again. */
export const ENDED = "not active any more"

/** A copy by way of its text, which alone has the numbers with all digits. */
const endedOf = (session: Session): ReadonlyArray<Session> =>
  sessionsOf([toJson({ ...toRecord(session), status: ENDED })])

/** The visit of one token, from the sign-in or a reload to the next. */
export class Visit {
  readonly token: string
  /** The sessions by id, in the order in which they came. */
  readonly rows = new Map<string, Row>()
  private readonly controller = new AbortController()
  private readonly ended = new Set<string>()
  private before: ReadonlyMap<string, Row> | undefined
  private news: Pick<News, "active" | "isWhole"> | undefined

  /** `before` is what was shown until now. */
  constructor(token: string, before: Visit | undefined) {
    this.token = token
    this.before = before?.rows
  }

  /** Is aborted when the visit ends. */
  get signal(): AbortSignal {
    return this.controller.signal
  }

  /** The sessions that are active now, and whether these are all; undefined before the first news. */
  get followed(): Pick<News, "active" | "isWhole"> | undefined {
    return this.news
  }

  /** Ends the visit. */
  end(): void {
    this.controller.abort()
  }

  /** Takes sessions of the list, which may have been read before they ended. */
  list(sessions: ReadonlyArray<Session>): void {
    for (const session of sessions) {
      const isOld = session.status === "active" && this.ended.has(session.id)
      for (const shown of isOld ? endedOf(session) : [session]) this.rows.set(shown.id, rowOf(shown))
    }
  }

  /** Notes that the list was read, or that it cannot be: then what was shown before is better than nothing. */
  finish(isRead: boolean): void {
    for (const [id, row] of isRead ? [] : (this.before ?? [])) if (!this.rows.has(id)) this.rows.set(id, row)
    this.before = undefined
  }

  /** Takes news of the active sessions. */
  follow({ active, changed, gone, isWhole }: News): void {
    this.news = { active, isWhole }
    for (const session of changed) {
      this.ended.delete(session.id)
      this.rows.set(session.id, rowOf(session))
    }
    for (const id of gone) {
      this.ended.add(id)
      const before = this.rows.get(id)?.session
      if (before !== undefined) this.list([before])
    }
  }
}
