/**
 * The sessions that a watch follows, from one look to the next.
 */
import type { Session } from "@hb-sessions/core/Session"

/** What happened to a session between two looks. */
export interface Change {
  /** `active` is one that was running when the watch began. */
  readonly event: "active" | "started" | "changed" | "ended"
  readonly session: Session
}

/** A session of the table. */
export interface WatchedRow {
  readonly session: Session
  /** What happened since the look before; undefined for nothing. */
  readonly event: Change["event"] | undefined
}

/** Follows the sessions that are or were active while the watch lasts. */
export class Watched {
  readonly #rows = new Map<string, WatchedRow>()
  #looks = 0

  /** Ids of sessions that were active at the last look and are not among these: they have ended. */
  gone(active: ReadonlyArray<Session>): ReadonlyArray<string> {
    const ids = new Set<string>(active.map(({ id }) => id))
    return [...this.#rows.values()].flatMap(({ session: { id, status } }) =>
      status === "active" && !ids.has(id) ? [id] : []
    )
  }

  /** Takes the sessions that are active now, and those that have ended since; what the list lost has just ended. */
  look(
    active: ReadonlyArray<Session>,
    ended: ReadonlyMap<string, Session>,
    gone: ReadonlyArray<string>
  ): ReadonlyArray<Change> {
    const changes: Array<Change> = []
    const isFirst = this.#looks++ === 0
    for (const [id, row] of this.#rows) this.#rows.set(id, { ...row, event: undefined })
    const note = (session: Session, event: Change["event"]) => {
      changes.push({ event, session })
      this.#rows.set(session.id, { session, event: isFirst ? undefined : event })
    }
    for (const id of gone) {
      const known = this.#rows.get(id)
      const session = ended.get(id) ?? (known === undefined ? undefined : { ...known.session, status: "unknown" })
      if (session !== undefined) note(session, "ended")
    }
    for (const session of active) {
      const known = this.#rows.get(session.id)
      if (known === undefined) note(session, isFirst ? "active" : "started")
      else if (known.session.status !== "active") note(session, "started")
      else if (known.session.updatedAt !== session.updatedAt) note(session, "changed")
    }
    return changes
  }

  /** The active ones, then those that ended; each newest first. */
  rows(): ReadonlyArray<WatchedRow> {
    const order = ({ session: { createdAt = 0, status } }: WatchedRow) => [status === "active" ? 0 : 1, -createdAt]
    return [...this.#rows.values()].toSorted((left, right) => {
      const [a, b] = [order(left), order(right)]
      return (a[0] ?? 0) - (b[0] ?? 0) || (a[1] ?? 0) - (b[1] ?? 0)
    })
  }

  get active(): number {
    return [...this.#rows.values()].filter(({ session }) => session.status === "active").length
  }

  get ended(): ReadonlyArray<Session> {
    return [...this.#rows.values()].flatMap(({ session }) => (session.status === "active" ? [] : [session]))
  }
}
