/**
 * The table of the sessions: only the rows that can be seen are in the document.
 */
import { byId, make } from "./dom.ts"
import { type Row, shortText, sortedBy, valueOf, valueText } from "./Row.ts"

/** Height of a row in pixels, as the style sheet has it. */
const HEIGHT = 36
/** Rows above and below those that are seen. */
const MARGIN = 10

/** What happens with the table. */
export interface TableOptions {
  readonly onOpen: (row: Row) => void
}

const space = () => {
  const cell = make("td", {})
  const row = make("tr", { class: "space", "aria-hidden": "true" }, cell)
  return { row, cell }
}

/** Draws rows that were filtered, sorted by one column. */
export class SessionsTable {
  private rows: ReadonlyArray<Row> = []
  private columns: ReadonlyArray<string> = []
  private sorted = { column: "createdAt", direction: -1 as 1 | -1 }
  private first = -1
  private last = -1
  private readonly above = space()
  private readonly below = space()
  private readonly scroll = byId("scroll")
  private readonly body = byId("rows")
  private readonly onOpen: TableOptions["onOpen"]

  constructor({ onOpen }: TableOptions) {
    this.onOpen = onOpen
    let isPlanned = false
    const plan = () => {
      if (isPlanned) return
      isPlanned = true
      requestAnimationFrame(() => {
        isPlanned = false
        this.draw()
      })
    }
    this.scroll.addEventListener("scroll", plan, { passive: true })
    new ResizeObserver(plan).observe(this.scroll)
    this.body.addEventListener("keydown", (event) => this.move(event))
  }

  /** Shows columns. */
  setColumns(columns: ReadonlyArray<string>): void {
    this.columns = columns
    byId("table").style.minWidth = `${columns.length * 9}rem`
    this.drawHead()
    this.redraw()
  }

  /** Shows rows. The focus stays on its session, wherever that is now. */
  setRows(rows: ReadonlyArray<Row>): void {
    const focused = this.rows[this.focusedIndex() ?? -1]?.session.id
    this.rows = this.inOrder(rows)
    byId("table").setAttribute("aria-rowcount", String(rows.length + 1))
    this.redraw()
    if (focused === undefined) return
    const index = this.rows.findIndex(({ session }) => session.id === focused)
    this.buttonOf(index)?.focus({ preventScroll: true })
  }

  /** The rows in the order in which they are shown. */
  get shown(): ReadonlyArray<Row> {
    return this.rows
  }

  private inOrder(rows: ReadonlyArray<Row>): ReadonlyArray<Row> {
    return sortedBy(rows, this.sorted.column, this.sorted.direction)
  }

  private drawHead(): void {
    const cells = this.columns.map((column) => {
      const button = make("button", { type: "button" }, shortText(column))
      const isSorted = this.sorted.column === column
      if (isSorted) button.append(this.sorted.direction === 1 ? " ▲" : " ▼")
      button.addEventListener("click", () => this.sortBy(column))
      const order = this.sorted.direction === 1 ? "ascending" : "descending"
      return make("th", { scope: "col", ...(isSorted ? { "aria-sort": order } : {}) }, button)
    })
    byId("head").replaceChildren(...cells)
  }

  private sortBy(column: string): void {
    const direction = this.sorted.column === column && this.sorted.direction === 1 ? -1 : 1
    this.sorted = { column, direction }
    this.rows = this.inOrder(this.rows)
    this.drawHead()
    this.redraw()
    byId("head").querySelectorAll("button")[this.columns.indexOf(column)]?.focus()
  }

  private redraw(): void {
    this.first = -1
    this.draw()
  }

  private draw(): void {
    const { clientHeight, scrollTop } = this.scroll
    const top = Math.floor(scrollTop / HEIGHT)
    const first = Math.max(0, Math.min(top - MARGIN, this.rows.length - 1))
    const last = Math.min(this.rows.length, top + Math.ceil(clientHeight / HEIGHT) + MARGIN)
    if (first === this.first && last === this.last) return
    const focused = this.focusedIndex()
    this.first = first
    this.last = last
    this.above.cell.style.height = `${first * HEIGHT}px`
    this.below.cell.style.height = `${(this.rows.length - last) * HEIGHT}px`
    for (const { cell } of [this.above, this.below]) cell.colSpan = Math.max(1, this.columns.length)
    const drawn = this.rows.slice(first, last).map((row, index) => this.drawRow(row, first + index))
    this.body.replaceChildren(this.above.row, ...drawn, this.below.row)
    if (focused !== undefined) this.buttonOf(focused)?.focus({ preventScroll: true })
  }

  private drawRow(row: Row, index: number): HTMLElement {
    const cells = this.columns.map((column, place) => {
      const text = valueText(valueOf(row.session, column), column)
      if (place > 0) return make("td", {}, text)
      const button = make("button", { type: "button", "aria-haspopup": "dialog" }, text || "—")
      button.addEventListener("click", () => this.onOpen(row))
      return make("th", { scope: "row" }, button)
    })
    return make("tr", { "aria-rowindex": String(index + 2), "data-index": String(index) }, ...cells)
  }

  private focusedIndex(): number | undefined {
    const row = document.activeElement?.closest("#rows tr")
    const index = row?.getAttribute("data-index")
    return index === undefined || index === null ? undefined : Number(index)
  }

  private buttonOf(index: number): HTMLElement | null {
    return this.body.querySelector<HTMLElement>(`tr[data-index="${index}"] button`)
  }

  private move(event: KeyboardEvent): void {
    const from = this.focusedIndex()
    const pageful = Math.max(1, Math.floor(this.scroll.clientHeight / HEIGHT) - 2)
    const steps: Readonly<Record<string, number>> = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: pageful,
      PageUp: -pageful,
      Home: -Infinity,
      End: Infinity
    }
    const step = steps[event.key]
    if (from === undefined || step === undefined) return
    event.preventDefault()
    const to = Math.max(0, Math.min(this.rows.length - 1, from + step))
    const { clientHeight, scrollTop } = this.scroll
    // The header covers the height of a row.
    if (to * HEIGHT < scrollTop) this.scroll.scrollTop = to * HEIGHT
    else if ((to + 2) * HEIGHT > scrollTop + clientHeight) this.scroll.scrollTop = (to + 2) * HEIGHT - clientHeight
    this.draw()
    this.buttonOf(to)?.focus({ preventScroll: true })
  }
}
