/**
 * How many sessions a full page has: what responses say, and what they hold.
 */

export class PageSize {
  /** Undefined until a response said it, or had rows. */
  value: number | undefined
  /** Rows of the longest page. */
  longest = 0
  /** Whether a response said it. */
  isTold = false
  /** Whether a page that had to be full had fewer rows than the size that was told. */
  #isWrong = false

  /**
   * Without a page size from the server, or with one that the first page disagrees with, it is the length of the longest
   * page, unless that may be all there is.
   */
  learn(answer: { readonly page: number; readonly pageSize: number | undefined }, rows: number, total?: number): void {
    const { page, pageSize } = answer
    this.longest = Math.max(this.longest, rows)
    if (this.#isWrong) this.value = this.longest
    if (this.isTold) return
    const expected = page === 1 && rows > 0 && total !== undefined ? Math.min(pageSize ?? 0, total) : 0
    if (pageSize !== undefined && (rows > pageSize || rows < expected)) {
      this.isTold = true
      this.#isWrong = true
      this.value = this.longest
    } else if (pageSize !== undefined) {
      this.isTold = true
      this.value = pageSize
    } else if (this.value !== undefined || (total !== undefined && total > this.longest && this.longest > 0)) {
      this.value = this.longest
    }
  }

  /** Whether a response says another size than the responses before it. */
  differsFrom(told: number | undefined): told is number {
    return told !== undefined && told !== this.value && !this.#isWrong
  }
}

/** A page size that can be one. */
export const asPageSize = (value: number | undefined): number | undefined =>
  value !== undefined && Number.isSafeInteger(value) && value >= 1 ? value : undefined
