/**
 * The active sessions of an account, followed for all who watch them: one poll, and what changed between two.
 */
import { withoutSecrets } from "@hb-sessions/core/secretKeys"
import type { Session } from "@hb-sessions/core/Session"
import { encodeSession } from "@hb-sessions/core/SessionsNdjson"
import { randomBytes } from "node:crypto"

/** The status that is watched. */
export const watchedStatus = "active"

/** Most sessions that are followed; a list of more is told to be cut. */
export const maxWatched = 2000
/** Events that are kept for those who come back. */
const MAX_EVENTS = 256
/** Characters of them together. */
const MAX_KEPT = 512 * 1024

/** One who watches. */
export interface Watcher {
  /** The id of its token. */
  readonly owner: string
  /** Is called when there may be something to send. */
  readonly notify: () => void
}

/** What is to be sent, and where its reader stands then. */
export interface Piece {
  readonly text: string
  readonly position: number
  /** How often the problem had changed. */
  readonly problems: number
}

interface Kept {
  readonly position: number
  readonly text: string
}

/** A server-sent event; JSON has no line breaks. */
const eventText = (name: string, data: string, id?: string): string =>
  `event: ${name}\n${id === undefined ? "" : `id: ${id}\n`}data: ${data}\n\n`

const EVENT_ID = /^([0-9a-f]{12})-(\d{1,15})$/

/**
 * What is known of the active sessions, and the last events.
 *
 * **Details**
 *
 * Ids of events are the feed's own name and a count: those of another feed, of another replica or of a server that was
 * started since, are recognised as such, and get a snapshot, as do those that are too old.
 */
export class Feed {
  private readonly name = randomBytes(6).toString("hex")
  private readonly watchers = new Set<Watcher>()
  private sessions: ReadonlyMap<string, string> = new Map()
  private isWhole = true
  private readAt = 0
  private isCurrent = false
  private kept: ReadonlyArray<Kept> = []
  private position = 0
  private problem: string | undefined
  private problems = 0

  /** Whether it has no reader. */
  get isIdle(): boolean {
    return this.watchers.size === 0
  }

  /** The tokens of those who watch. */
  get owners(): ReadonlyArray<string> {
    return [...new Set([...this.watchers].map(({ owner }) => owner))]
  }

  /** Adds one who watches; returns a function that removes it. */
  add(watcher: Watcher): () => void {
    this.watchers.add(watcher)
    return () => void this.watchers.delete(watcher)
  }

  /** Takes what a poll found. `at` is epoch milliseconds. */
  found(sessions: ReadonlyArray<Session>, at: number): void {
    const visible = sessions.slice(0, maxWatched)
    const next = new Map<string, string>(visible.map((session) => [session.id, encodeSession(withoutSecrets(session))]))
    const added: Array<string> = []
    const changed: Array<string> = []
    for (const [id, text] of next) {
      const before = this.sessions.get(id)
      if (before === undefined) added.push(text)
      else if (before !== text) changed.push(text)
    }
    const removed = [...this.sessions.keys()].filter((id) => !next.has(id))
    const isWhole = sessions.length <= maxWatched
    const isNews =
      added.length + changed.length + removed.length > 0 || isWhole !== this.isWhole || this.problem !== undefined
    const isFirst = this.readAt === 0
    this.sessions = next
    this.isWhole = isWhole
    this.readAt = at
    if (this.problem !== undefined) {
      this.problem = undefined
      this.problems += 1
    }
    if (!isFirst && isNews) {
      this.position += 1
      const lists = `"added":[${added.join(",")}],"changed":[${changed.join(",")}],"removed":${JSON.stringify(removed)}`
      this.keep(this.event("change", `{${this.state},${lists}}`))
    }
    const isFresh = !this.isCurrent
    this.isCurrent = true
    if (isNews || isFresh) this.notify()
  }

  /** Takes the body of the problem that a poll failed with. */
  failed(problem: string): void {
    if (this.problem === problem) return
    this.problem = problem
    this.problems += 1
    this.notify()
  }

  /** Notes that the polls have ended: a new reader is told nothing before the next one. */
  pause(): void {
    this.isCurrent = false
    this.problem = undefined
  }

  /** Where a reader stands that got the event of this id last; -1 for one that needs a snapshot. */
  positionOf(id: string | undefined): number {
    const [, name, count] = EVENT_ID.exec(id ?? "") ?? []
    if (name !== this.name) return -1
    const position = Number(count)
    return this.isKept(position) ? position : -1
  }

  /** What a reader at a position has not had. */
  after(position: number, problems: number): Piece {
    const told = this.problem !== undefined && problems !== this.problems ? eventText("problem", this.problem) : ""
    if (position >= 0 && this.isKept(position)) {
      const events = this.kept.filter((event) => event.position > position).map(({ text }) => text)
      return { text: events.join("") + told, position: this.position, problems: this.problems }
    }
    if (!this.isCurrent) return { text: told, position: -1, problems: this.problems }
    const snapshot = this.event("snapshot", `{${this.state},"sessions":[${[...this.sessions.values()].join(",")}]}`)
    return { text: snapshot + told, position: this.position, problems: this.problems }
  }

  private get state(): string {
    return `"at":${JSON.stringify(new Date(this.readAt).toISOString())},"whole":${this.isWhole}`
  }

  private event(name: string, data: string): string {
    return eventText(name, data, `${this.name}-${this.position}`)
  }

  /** Whether all that follows a position is kept. */
  private isKept(position: number): boolean {
    return position <= this.position && position >= this.position - this.kept.length
  }

  private keep(text: string): void {
    const all = [...this.kept, { position: this.position, text }].slice(-MAX_EVENTS)
    let size = all.reduce((sum, event) => sum + event.text.length, 0)
    let first = 0
    while (size > MAX_KEPT && first < all.length) size -= all[first++]?.text.length ?? 0
    this.kept = all.slice(first)
  }

  private notify(): void {
    for (const { notify } of this.watchers) notify()
  }
}
