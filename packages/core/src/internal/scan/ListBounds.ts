/**
 * How far a list goes, and how far a read may go in it, by what the responses said.
 */
import type { SessionPage } from "../../SessionPage.ts"
import { IdTable } from "./IdTable.ts"
import { asPageSize, PageSize } from "./PageSize.ts"
import { Pass } from "./Pass.ts"
import { asTotal, Totals } from "./Totals.ts"

/** Most requests for each page that the list had at first, and some more for short lists. */
const MAX_REQUESTS_PER_PAGE = 8
const SPARE_REQUESTS = 64

/** Pages without a new row that a list of any length may have in a row, while it moves. */
const MAX_STALE_PAGES = 64

export abstract class ListBounds {
  readonly size = new PageSize()
  readonly totals = new Totals()
  /** The ids that were met. */
  table = new IdTable()
  pass = new Pass({ from: 1, start: 0, clock: 0, isListing: true, looksPastEnd: false })
  /** Whether the pass ended at `since`. */
  stoppedEarly = false
  requests = 0
  /** Most pages that rows were found on in any pass. */
  protected mostPages = 0

  /** Sessions on a full page; undefined until a response told, or had rows. */
  get pageSize(): number | undefined {
    return this.size.value
  }

  /** The total of the latest response that had one. */
  get total(): number | undefined {
    return this.totals.last
  }

  /** The last page by the latest total; infinite while there is no total to go by. */
  get lastPage(): number {
    if (this.pass.isOverrun) return this.pass.reached + 1
    return this.#lastPage(this.total)
  }

  /**
   * Whether looking for missing rows has taken all the requests that it may: sessions that start during a read must not
   * delay its end, however many there are.
   */
  get isSpent(): boolean {
    const pages = Math.min(Math.ceil((this.totals.first ?? 0) / (this.pageSize ?? 1)), this.mostPages)
    return this.requests > MAX_REQUESTS_PER_PAGE * pages + SPARE_REQUESTS
  }

  /** The last page by what a response says itself, where it does. */
  lastPageOf({ pageSize, totalCount }: SessionPage): number {
    const size = asPageSize(pageSize) ?? this.pageSize
    const total = asTotal(totalCount) ?? this.total
    return size === undefined || total === undefined ? Infinity : Math.max(1, Math.ceil(total / size))
  }

  /** Whether the last pass came to an empty page before the total says that the list ends. */
  get endedEarly(): boolean {
    return this.pass.isEnded && !this.stoppedEarly && this.pass.reached < this.#lastPage(this.total)
  }

  /** Most pages that rows were found on in any pass, and some more: rows that are missing are not beyond them. */
  get farthestPage(): number {
    return 2 * this.mostPages + SPARE_REQUESTS
  }

  /** Whether so many pages without a new row have come in a row that the list cannot have moved so far. */
  get isRepeating(): boolean {
    const known = this.table.size / (this.pageSize ?? Math.max(1, this.size.longest))
    return this.pass.isListing && this.pass.stalePages > MAX_STALE_PAGES + known / 10
  }

  /** Whether a page may be missing because the list ends before it. */
  isBeyond(page: number, total = this.total): boolean {
    return page > 1 && (this.pass.isOverrun || total === undefined || page > this.#lastPage(total))
  }

  /** While no response had a total above its rows, there is one page. */
  #lastPage(total: number | undefined): number {
    return total === undefined
      ? Infinity
      : this.pageSize === undefined
        ? 1
        : Math.max(1, Math.ceil(total / this.pageSize))
  }
}
