/**
 * The responses of a read, numbered by time: what the certificates are computed from.
 *
 * The read has one clock. It ticks when a page is asked for (before the client is called, so a retried request counts
 * from its first attempt) and when its response is complete. Whatever the server looked at to answer, it looked at
 * between those two numbers. Kept as columns of 32-bit integers, 20 bytes a response.
 */
export interface Response {
  /** Number of the page, 1-based. */
  readonly page: number
  /** The clock when the page was asked for. */
  readonly asked: number
  /** The clock when the response was complete. */
  readonly completed: number
  /** Undefined when the response did not tell. */
  readonly total: number | undefined
  /** Whether its rows count as read. */
  readonly isTaken?: boolean
  /** Rows that a pass had met on earlier pages; undefined for a page that was not read in a pass before which none was known. */
  readonly repeated?: number | undefined
  /** Whether all its rows were repeated, or it had none: then more might have been, had there been room; no by default. */
  readonly isAllRepeated?: boolean
}

const FIELDS = 5
const NONE = -1
const TAKEN = -2

/** A growing list of responses, in the order of their completion. */
export class Responses {
  #cells = new Int32Array(64 * FIELDS)
  #length = 0

  get length(): number {
    return this.#length
  }

  /** Adds a response; gives its index. */
  add(response: Response): number {
    const at = this.#length * FIELDS
    if (at === this.#cells.length) {
      const cells = new Int32Array(this.#cells.length * 2)
      cells.set(this.#cells)
      this.#cells = cells
    }
    this.#cells[at] = response.page
    this.#cells[at + 1] = response.asked
    this.#cells[at + 2] = response.completed
    this.#cells[at + 3] = response.total ?? NONE
    this.#cells[at + 4] = NONE
    return this.#length++
  }

  /** Notes that the rows of a response count as read, and how many of them the first pass had met before, and not. */
  take(index: number, repeated: number | undefined, fresh: number): void {
    this.#cells[index * FIELDS + 4] = repeated === undefined ? TAKEN : repeated * 2 + (fresh === 0 ? 1 : 0)
  }

  /** The responses from an index on, in the order of their completion. */
  *from(index: number): Generator<Response> {
    for (let at = index * FIELDS; at < this.#length * FIELDS; at += FIELDS) {
      const total = this.#cells[at + 3]!
      const taken = this.#cells[at + 4]!
      yield {
        page: this.#cells[at]!,
        asked: this.#cells[at + 1]!,
        completed: this.#cells[at + 2]!,
        total: total === NONE ? undefined : total,
        isTaken: taken !== NONE,
        repeated: taken >= 0 ? taken >> 1 : undefined,
        isAllRepeated: taken >= 0 && (taken & 1) === 1
      }
    }
  }
}
