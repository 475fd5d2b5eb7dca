/**
 * One reading of the list from its first page on.
 */
import type { Answer } from "./Answer.ts"

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
  /**
   * Whether only an empty page is the end: there were rows where the total said that there are none, or fewer than it
   * said; or the last page was full, and whether another one follows is to be seen.
   */
  isOverrun = false
  /** Whether a page after a full last one was asked for, and had no rows. */
  sawEnd = false
  /** Pages in a row, up to the last one taken, that had no row that was not read before. */
  stalePages = 0
  /** Set when the size of the pages changed, which makes their numbers mean other rows. */
  newPageSize: number | undefined
  /** The last page that was taken. */
  reached: number
  /** The first row of the first page. */
  first: Mark | undefined
  /** The ids of the first page. */
  firstIds: ReadonlyArray<string> = []
  /** The last row of the last page that had any. */
  last: Mark | undefined
  /** The last row of the list, as it was read right after the first page; undefined where it was not. */
  anchor: Mark | undefined
  /** The ids of the anchor's page, as it was read then. */
  anchorIds: ReadonlyArray<string> = []
  /** Whether the rows of that page had the same places when the pass came to it. */
  isAnchored = false
  /** Whether pages before the last one had other numbers of rows than the first of them. */
  isUneven = false
  /** Rows that earlier answers had. */
  duplicates = 0

  #previous: ReadonlyArray<string> = []
  #beforePrevious: ReadonlyArray<string> = []
  #different = 0
  #places = 0
  #rowsAPage: number | undefined
  readonly #from: number
  readonly #looksPastEnd: boolean

  /** Whether it gives the rows in the order of the list, rather than looking for missing ones. */
  readonly isListing: boolean

  constructor(options: {
    readonly from: number
    readonly start: number
    readonly clock: number
    readonly isListing: boolean
    /** Whether the page after a full last page is read too. */
    readonly looksPastEnd: boolean
  }) {
    this.#from = options.from
    this.#looksPastEnd = options.looksPastEnd
    this.next = options.from
    this.start = options.start
    this.clock = options.clock
    this.reached = options.from - 1
    this.isListing = options.isListing
  }

  /** The ids of the last two pages that had any. */
  get lastPages(): ReadonlyArray<ReadonlyArray<string>> {
    return [this.#beforePrevious, this.#previous].filter((ids) => ids.length > 0)
  }

  take(
    answer: Answer,
    context: {
      readonly fresh: number
      readonly pageSize: number | undefined
      /** What another answer said last; not each one tells. */
      readonly total: number | undefined
    }
  ): void {
    const { page, sessions } = answer
    if (sessions.length === 0) {
      this.isEnded = true
      this.sawEnd = this.isOverrun
      this.isOverrun = false
      return
    }
    this.reached = page
    this.#places += sessions.length
    this.stalePages = context.fresh === 0 ? this.stalePages + 1 : 0
    this.duplicates += sessions.length - context.fresh
    this.#beforePrevious = this.#previous
    this.#previous = sessions.map(({ id }) => id)
    this.#different++
    if (page === 1) {
      this.first = { id: sessions[0]!.id, page, index: 0, total: answer.total }
      this.firstIds = this.#previous
    }
    const { anchor } = this
    if (page === anchor?.page) {
      this.isAnchored = this.anchorIds.every((id, index) => id === this.#previous[index])
    }
    this.last = { id: sessions.at(-1)!.id, page, index: sessions.length - 1, total: answer.total }

    const { pageSize = sessions.length } = context
    const total = answer.total ?? context.total
    if (total !== undefined && page * pageSize >= total) {
      const places = (page - 1) * pageSize + sessions.length
      this.isOverrun =
        (context.fresh > 0 && places > total) ||
        (this.#looksPastEnd && places === total && sessions.length === pageSize) ||
        // Pages that should have been full were not, so there can be more of them than the total says.
        (this.#from === 1 && this.#places < total)
    } else if (total !== undefined && context.fresh > 0) {
      this.isOverrun = false
    }
  }

  /** Compares a page before the last one with the first of them. */
  checkEven({ pageSize, sessions }: Answer, usual: number | undefined): void {
    this.#rowsAPage ??= sessions.length
    this.isUneven ||= sessions.length !== this.#rowsAPage || (pageSize ?? usual) !== this.#rowsAPage
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
