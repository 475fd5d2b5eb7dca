/**
 * One reading of the list from its first page on.
 */
import type { Answer } from "./Sweep.ts"

/** A row and where a pass met it. */
export interface Mark {
  readonly id: string
  readonly page: number
  readonly index: number
  /** The total of its response. */
  readonly total: number | undefined
}

/** Follows the answers of a pass in the order of their pages, and finds its end. */
export class Pass {
  /** The index of its first response. */
  readonly start: number
  /** The read's clock when it began. */
  readonly clock: number
  /** The next page to ask for. */
  next: number
  isEnded = false
  /** Whether there were rows where the total said that there are none: then only an empty page is the end. */
  isOverrun = false
  /** Set when the size of the pages changed, which makes their numbers mean other rows. */
  newPageSize: number | undefined
  /** The last page that was taken. */
  reached: number
  /** The first row of the first page. */
  first: Mark | undefined
  /** The last row of the last page that had any. */
  last: Mark | undefined
  /** Rows that earlier answers had. */
  duplicates = 0

  #previous: ReadonlyArray<string> = []
  #beforePrevious: ReadonlyArray<string> = []
  #different = 0

  /** Whether it gives the rows in the order of the list, rather than looking for missing ones. */
  readonly isListing: boolean

  constructor(options: {
    readonly from: number
    readonly start: number
    readonly clock: number
    readonly isListing: boolean
  }) {
    this.next = options.from
    this.start = options.start
    this.clock = options.clock
    this.reached = options.from - 1
    this.isListing = options.isListing
  }

  /** The ids of the last two pages. */
  get lastIds(): ReadonlyArray<string> {
    return [...this.#beforePrevious, ...this.#previous]
  }

  take(answer: Answer, context: { readonly fresh: number; readonly pageSize: number | undefined }): void {
    const { page, sessions, total } = answer
    if (sessions.length === 0) {
      this.isEnded = true
      this.isOverrun = false
      return
    }
    this.reached = page
    this.duplicates += sessions.length - context.fresh
    this.#beforePrevious = this.#previous
    this.#previous = sessions.map(({ id }) => id)
    this.#different++
    if (page === 1) this.first = { id: sessions[0]!.id, page, index: 0, total }
    this.last = { id: sessions.at(-1)!.id, page, index: sessions.length - 1, total }

    const { pageSize } = context
    if (pageSize === undefined) return
    if (total !== undefined && page * pageSize >= total) {
      this.isOverrun = context.fresh > 0 && (page - 1) * pageSize + sessions.length > total
    } else if (total !== undefined && context.fresh > 0) {
      this.isOverrun = false
    }
  }

  /** Whether an answer has the very rows of the page before. */
  repeats({ page, sessions }: Answer): boolean {
    return (
      page === this.reached + 1 &&
      sessions.length > 0 &&
      sessions.length === this.#previous.length &&
      sessions.every(({ id }, index) => id === this.#previous[index])
    )
  }

  /** Whether a repeated page is what a server without totals gives past the end: there were other pages, or a short one. */
  isClamped({ sessions }: Answer, pageSize: number | undefined): boolean {
    return this.#different > 1 || (pageSize !== undefined && sessions.length < pageSize)
  }
}
