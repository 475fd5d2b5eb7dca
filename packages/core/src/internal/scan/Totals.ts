/**
 * What the totals of the responses said: how long the list is, and whether it changed.
 */
import type { Answer } from "./Answer.ts"

/** A larger total is not believed: nothing could read such a list, page by page. */
const MAX_TOTAL = 2 ** 31 - 1

export class Totals {
  first: number | undefined
  /** The total of the latest response that had one. */
  last: number | undefined
  /** The largest one so far; 0 while there was none. */
  largest = 0
  /** Whether a total was lower than an earlier one, or than the number of ids met before. */
  fell = false
  changed = false
  /** A total that cannot be one, as it was told; undefined while none was. */
  odd: number | undefined
  /** The first page that had rows beyond the total of its own answer, until one shows that they are within it. */
  beyondPage: number | undefined

  /** The total of a response if it can be one, else undefined. */
  read(told: number | undefined): number | undefined {
    const total = asTotal(told)
    if (total === undefined && told !== undefined) this.odd = told
    return total
  }

  /** Notes the total of a response. `floor` was the largest total, and `known` the number of ids, when it was asked for. */
  note(total: number, { floor, known }: { readonly floor: number; readonly known: number }): void {
    this.fell ||= total < floor || total < known
    this.first ??= total
    this.changed ||= total !== this.first
    this.last = total
    this.largest = Math.max(this.largest, total)
  }

  /**
   * No row of a list can be at a place that its total does not have, but while the list moves: where it did, such a row can
   * be one page further by now, or one page nearer.
   */
  checkPlaces({ page, sessions, total = this.last }: Answer, pageSize = sessions.length): void {
    if (total === undefined) return
    const before = (page - 1) * pageSize
    if (sessions.length > 0 && before + sessions.length > total) {
      this.beyondPage = Math.min(page, this.beyondPage ?? page)
    } else if (page === this.beyondPage) {
      const isFull = sessions.length === pageSize && before + sessions.length === total
      const isAbsent = sessions.length === 0 && before > total
      this.beyondPage = isFull ? page + 1 : isAbsent ? page - 1 : undefined
    }
  }

  /** Begins again with the next response, but for what the report tells. */
  forget(): void {
    this.fell = false
    this.beyondPage = undefined
    this.largest = 0
  }
}

/** A total that can be one. */
export const asTotal = (value: number | undefined): number | undefined =>
  value !== undefined && Number.isSafeInteger(value) && value >= 0 && value <= MAX_TOTAL ? value : undefined
