/**
 * The rows that were listed in the order of the list, as far as a resume token tells of them.
 */
import { Digest } from "./Digest.ts"
import { digestOf, namesOf, type Position } from "./token.ts"

/** Most rows found late that are remembered for a token, which has no room for more. */
const MAX_LATE = 240

export class Listed {
  /** Whether it continues the rows of a token. */
  isContinued = false
  #page = 0
  #rows = 0
  /** The digest of the first row's id. */
  #first: string | undefined
  #digest = new Digest()
  readonly #late: Array<string> = []
  #lateRows = 0

  /** Continues the position of a token: the rows that it names are in it already. */
  continueFrom(position: Position): void {
    this.isContinued = true
    this.#page = position.page
    this.#rows = position.rows
    this.#first = position.first
    this.#digest = new Digest(position.digest)
  }

  /** Begins again with the next row, but for those found late. */
  forget(): void {
    this.#page = 0
    this.#rows = 0
    this.#first = undefined
    this.#digest = new Digest()
  }

  add(id: string): void {
    this.#first ??= digestOf([id])
    this.#digest.add(id)
    this.#rows++
  }

  /** Notes a row that was found out of the list's order. */
  addLate(id: string): void {
    this.#lateRows++
    if (this.#late.length === 2 * MAX_LATE) this.#late.splice(0, MAX_LATE)
    this.#late.push(id)
  }

  reach(page: number): void {
    if (page > this.#page) this.#page = page
  }

  /** Made when it is asked for, since most reads keep no token. */
  position(context: {
    readonly query: string
    readonly pageSize: number | undefined
    readonly total: number | undefined
    /** The ids of the last pages that had any. */
    readonly lastPages: ReadonlyArray<ReadonlyArray<string>>
  }): () => Position {
    const { lastPages, pageSize = 0, query, total } = context
    const [first, page, rows, digest] = [this.#first, this.#page, this.#rows, this.#digest.snapshot()]
    const late = this.#late.slice(-MAX_LATE)
    const lateRows = this.#lateRows
    return () => {
      const names = namesOf(late, lastPages.flat())
      return {
        query: digestOf([query]),
        page,
        pageSize,
        ...(total === undefined ? {} : { total }),
        ...(first === undefined ? {} : { first }),
        rows,
        digest: digest(),
        pages: lastPages.map(digestOf),
        ...names,
        ...(names.late.length < lateRows ? { isLateCut: true as const } : {})
      }
    }
  }
}
