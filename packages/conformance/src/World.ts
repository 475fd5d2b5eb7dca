/**
 * A list of sessions that changes, small and fast enough to be read thousands of times.
 *
 * The world knows what a reader cannot: which sessions were there all the time.
 */
import { type Session, SessionId } from "@hb-sessions/core/Session"
import type { Random } from "./random.ts"

/**
 * How a list changes.
 *
 * - `quiet`: not at all.
 * - `grow`: sessions start.
 * - `purge`: sessions start, and the oldest are deleted.
 * - `close`: sessions start and end; so rows leave a list of the active ones, and enter one of the closed ones.
 * - `churn`: rows enter and leave anywhere.
 * - `turnover`: as many rows enter as leave, at once, both anywhere: the total never tells.
 * - `exchange`: the same, but rows enter at the head.
 * - `renewal`: rows enter at the head, and as many leave at the tail, at once.
 * - `swap`: as many rows enter as leave, at once, and a row that enters is as old as the place says.
 * - `mixed`: about as many rows enter as leave, at the head, at the tail or anywhere, at different times.
 * - `late`: rows enter one to three places below the head, and as many of the oldest leave, at once.
 * - `update`: sessions start, and those that are updated move to the head.
 */
export const kinds = [
  "quiet",
  "grow",
  "purge",
  "close",
  "churn",
  "turnover",
  "exchange",
  "renewal",
  "swap",
  "mixed",
  "late",
  "update"
] as const
export type Kind = (typeof kinds)[number]

export interface WorldOptions {
  readonly kind: Kind
  readonly rows: number
  readonly oldestFirst: boolean
  /** The status of the list that is read; undefined for all sessions. */
  readonly status: string | undefined
  /** The share of rows that have no usable id. */
  readonly unreadable: number
}

/** A session whose status changes. */
type Row = { readonly id: SessionId; readonly createdAt: number; status: string }

export class World {
  /** How often the list changed since then. */
  changes = 0

  readonly #options: WorldOptions
  readonly #random: Random
  /** In the order of the list. */
  readonly #rows: Array<Row> = []
  readonly #unreadable = new Set<string>()
  /** Ids that matched and were there since the reading began. */
  #stable = new Set<string>()
  #clock = 1_700_000_000_000

  constructor(options: WorldOptions, random: Random) {
    this.#options = options
    this.#random = random
    for (let count = 0; count < options.rows; count++) this.#start()
    if (options.kind === "churn") this.#shuffle()
  }

  beginReading(): void {
    this.#stable = new Set(this.view(this.#options.status).map(({ id }) => id))
    this.changes = 0
  }

  /** Ids that matched and were in the list all the time since the reading began, of rows created at a time or later. */
  stableSince(time: number): ReadonlyArray<string> {
    return this.#stableRows(time).filter((id) => this.isReadable(id))
  }

  /** The same of rows without a usable id; the ids are those that no client sees. */
  unreadableSince(time: number): ReadonlyArray<string> {
    return this.#stableRows(time).filter((id) => !this.isReadable(id))
  }

  #stableRows(time: number): ReadonlyArray<string> {
    return this.#rows.filter(({ createdAt, id }) => createdAt >= time && this.#stable.has(id)).map(({ id }) => id)
  }

  /** Whether a row has a usable id. */
  isReadable(id: string): boolean {
    return !this.#unreadable.has(id)
  }

  /** When the oldest of so many of the newest rows was created. */
  timeOf(newest: number): number {
    const times = this.#rows.map(({ createdAt }) => createdAt).toSorted((a, b) => b - a)
    return times[newest - 1] ?? 0
  }

  /** The rows with a usable id now. */
  sessions(status: string | undefined): ReadonlyArray<Session> {
    return this.view(status).filter(({ id }) => this.isReadable(id))
  }

  /** The list now, as a server that filters by a status sees it. */
  view(status: string | undefined): ReadonlyArray<Session> {
    return status === undefined ? this.#rows : this.#rows.filter((row) => row.status === status)
  }

  /** Changes the list once. */
  change(): void {
    this.changes++
    const { kind } = this.#options
    if (kind === "quiet") return
    if (kind === "turnover") {
      this.#leaveAnywhere()
      if (this.#random.chance(0.5)) this.#start()
      else this.#enterAnywhere()
    } else if (kind === "churn") {
      if (this.#random.chance(0.5)) this.#leaveAnywhere()
      else this.#enterAnywhere()
    } else if (kind === "exchange") {
      this.#leaveAnywhere()
      this.#start()
    } else if (kind === "renewal") {
      this.#leaveOldest()
      this.#start()
    } else if (kind === "swap") {
      this.#leaveAnywhere()
      this.#enterInOrder()
    } else if (kind === "mixed") this.#mix()
    else if (kind === "late") {
      this.#leaveOldest()
      this.#enterLate()
    } else if (kind === "grow" || this.#random.chance(0.4)) this.#start()
    else if (kind === "purge") this.#leaveOldest()
    else if (kind === "close") this.#end()
    else this.#update()
  }

  #start(): void {
    this.#insert(this.#options.oldestFirst ? this.#rows.length : 0)
  }

  #enterAnywhere(): void {
    this.#insert(this.#random.below(this.#rows.length + 1))
  }

  /** Where a row enters nothing tells: it is as old as its neighbour. */
  #enterInOrder(): void {
    const index = this.#random.below(this.#rows.length + 1)
    const neighbour = this.#rows[index] ?? this.#rows.at(-1)
    this.#insert(index, neighbour?.createdAt)
  }

  #enterLate(): void {
    const below = Math.min(this.#rows.length, 1 + this.#random.below(3))
    this.#insert(this.#options.oldestFirst ? this.#rows.length - below : below)
  }

  /** Enters or leaves, whichever brings the list nearer to the length that it had. */
  #mix(): void {
    const random = this.#random
    if (random.chance(this.#rows.length < this.#options.rows ? 0.75 : 0.25)) {
      const way = random.below(4)
      if (way < 2) this.#start()
      else if (way === 2) this.#enterAnywhere()
      else this.#enterInOrder()
    } else if (random.chance(0.5)) this.#leaveOldest()
    else this.#leaveAnywhere()
  }

  #insert(index: number, createdAt?: number): void {
    this.#clock += 1 + this.#random.below(1000)
    const status = this.#random.pick(["active", "active", "closed", "error"])
    const id = SessionId.make(this.#random.uuid())
    this.#rows.splice(index, 0, { id, createdAt: createdAt ?? this.#clock, status })
    const { unreadable } = this.#options
    if (unreadable > 0 && this.#random.chance(unreadable)) this.#unreadable.add(id)
  }

  #leaveOldest(): void {
    if (this.#rows.length > 0) this.#leave(this.#options.oldestFirst ? 0 : this.#rows.length - 1)
  }

  #leaveAnywhere(): void {
    this.#leave(this.#random.below(this.#rows.length))
  }

  #leave(index: number): void {
    for (const { id } of this.#rows.splice(index, 1)) this.#stable.delete(id)
  }

  #end(): void {
    const active = this.#rows.filter(({ status }) => status === "active")
    const row = active[this.#random.below(active.length)]
    if (row === undefined) return
    row.status = "closed"
    if (this.#options.status !== undefined) this.#stable.delete(row.id)
  }

  #update(): void {
    const [row] = this.#rows.splice(this.#random.below(this.#rows.length), 1)
    if (row !== undefined) this.#rows.unshift(row)
  }

  #shuffle(): void {
    for (let at = this.#rows.length - 1; at > 0; at--) {
      const other = this.#random.below(at + 1)
      const [a, b] = [this.#rows[at], this.#rows[other]]
      if (a !== undefined && b !== undefined) {
        this.#rows[at] = b
        this.#rows[other] = a
      }
    }
  }
}
