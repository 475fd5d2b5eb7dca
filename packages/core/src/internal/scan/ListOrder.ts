/**
 * The order of a list as a read observes it, by `createdAt`.
 */
import type { Session } from "../../Session.ts"
import type { Answer } from "./Answer.ts"

/** `unknown` until two sessions differ in `createdAt`. */
export type ListOrder = "newest-first" | "oldest-first" | "other" | "unknown"

/** Of so many neighbours one may be out of order, and the list still counts as sorted but for some rows. */
const NEARLY = 4

/** Observes rows, each once and in the order of the list. */
export class OrderObserver {
  #first: number | undefined
  #previous: number | undefined
  #lowest = Infinity
  #rises = 0
  #falls = 0
  #newest: number | undefined
  #sawNewer = false
  /** How much newer a session was than one above it, at most; milliseconds. */
  #disorder = 0

  add({ createdAt }: Session): void {
    if (createdAt === undefined) return
    if (this.#previous !== undefined) {
      if (createdAt > this.#previous) this.#rises++
      if (createdAt < this.#previous) this.#falls++
    }
    this.#first ??= createdAt
    this.#previous = createdAt
    this.#disorder = Math.max(this.#disorder, createdAt - this.#lowest)
    this.#lowest = Math.min(this.#lowest, createdAt)
    if (this.#newest !== undefined && createdAt > this.#newest) this.#sawNewer = true
  }

  /** Notes which session was the newest when the read began: epoch milliseconds. */
  expectNone({ newerThan }: { readonly newerThan: number | undefined }): void {
    this.#newest = newerThan
  }

  get order(): ListOrder {
    if (this.#rises > 0) return this.#falls > 0 ? "other" : "oldest-first"
    return this.#falls > 0 ? "newest-first" : "unknown"
  }

  /** Whether the list is newest first, but for a disorder that is small beside the time that its rows cover. */
  get isNewestFirst(): boolean {
    const isMostly = this.#falls > 0 && this.#rises * NEARLY <= this.#falls
    return isMostly && (this.#first ?? 0) - this.#lowest > 2 * this.#disorder
  }

  /** Whether a list that is sorted but for some rows had one that started after the read began, where none can start. */
  get sawLateStart(): boolean {
    return this.#sawNewer && Math.min(this.#rises, this.#falls) * NEARLY <= this.#rises + this.#falls
  }

  /**
   * Whether all rows of a page, and so all that follow, are older than a time: in a list that is not quite in order, older
   * by twice the largest disorder seen.
   */
  isBelow(time: number, { sessions, unreadable }: Answer): boolean {
    if (!this.isNewestFirst) return false
    const bound = time - 2 * this.#disorder
    return (
      sessions.every(({ createdAt, id }) =>
        createdAt === undefined ? unreadable?.has(id) === true : createdAt < bound
      ) && sessions.some(({ createdAt }) => createdAt !== undefined)
    )
  }
}
