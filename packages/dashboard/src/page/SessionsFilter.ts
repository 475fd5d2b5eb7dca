/**
 * The filter above the table: a text, a status and days.
 */
import { byId, make } from "./dom.ts"
import { momentOf, type Row, shortText } from "./Row.ts"

/** Statuses to choose from; a server that makes them up has more than anybody chooses from. */
const MOST_STATUSES = 100

/** The value of an option for a status; empty is for all. */
const valueOf = (status: string | undefined): string => `=${status ?? ""}`

/** The day of an input, as milliseconds of its beginning in the reader's zone, some days later. */
const dayOf = (input: HTMLInputElement, later: number): number | undefined => {
  const [year, month, day] = input.value.split("-").map(Number)
  if (year === undefined || month === undefined || day === undefined) return undefined
  return new Date(year, month - 1, day + later).getTime()
}

/** The fields, and what they let through. */
export class SessionsFilter {
  private readonly form = byId<HTMLFormElement>("filter")
  private readonly find = byId<HTMLInputElement>("find")
  private readonly status = byId<HTMLSelectElement>("status")
  private readonly since = byId<HTMLInputElement>("since")
  private readonly until = byId<HTMLInputElement>("until")

  constructor(onChange: () => void) {
    this.form.addEventListener("submit", (event) => event.preventDefault())
    for (const field of [this.find, this.status, this.since, this.until]) field.addEventListener("input", onChange)
  }

  /** Offers the statuses of all sessions. */
  offer(rows: Iterable<Row>): void {
    const known = new Set<string>()
    for (const { session } of rows) known.add(valueOf(session.status))
    const { options, value: chosen } = this.status
    const offered = [...known].toSorted().slice(0, MOST_STATUSES)
    const values = ["", ...offered, ...(known.has(chosen) && !offered.includes(chosen) ? [chosen] : [])]
    if (values.length === options.length && values.every((value, index) => options[index]?.value === value)) return
    this.status.replaceChildren(
      ...values.map((value) => {
        const option = make("option", {}, value === "" ? "all" : shortText(value.slice(1)) || "(none)")
        option.value = value
        return option
      })
    )
    this.status.value = values.includes(chosen) ? chosen : ""
  }

  /** The rows that match. */
  matching(rows: Iterable<Row>): ReadonlyArray<Row> {
    const wanted = this.find.value.trim().toLowerCase()
    const status = this.status.value
    const [since, until] = [dayOf(this.since, 0), dayOf(this.until, 1)]
    return [...rows].filter(({ session, text }) => {
      if (wanted !== "" && !text.includes(wanted)) return false
      if (status !== "" && valueOf(session.status) !== status) return false
      const moment = momentOf(session)
      if (since !== undefined && (moment === undefined || moment < since)) return false
      return until === undefined || (moment !== undefined && moment < until)
    })
  }

  /** Lets everything through. */
  reset(): void {
    this.form.reset()
  }
}
