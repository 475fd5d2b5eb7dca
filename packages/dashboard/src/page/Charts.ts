/**
 * Charts of the sessions: bars, each with its numbers as a table.
 */
import { add, empty, result } from "@hb-sessions/core/SessionsStats"
import { make } from "./dom.ts"
import { amount, type Bar, Plot, type PlotOptions } from "./Plot.ts"
import { durationOf, durationText, momentOf, type Row } from "./Row.ts"

/** Days that are drawn; older ones are left out, which the title says. */
const MAX_DAYS = 60
/** Launch features that are drawn. */
const MAX_FEATURES = 12

/** A drawing for those who see it, and the same as a table for everybody. */
class Chart {
  readonly figure: HTMLElement
  readonly plot: Plot
  private readonly summary = make("p", { class: "note" })
  private readonly rows = make("tbody")

  constructor(title: string, options: PlotOptions) {
    this.plot = new Plot(options)
    const head = make("tr", {}, ...options.names.map((name) => make("th", { scope: "col" }, name)))
    const box = make(
      "div",
      { class: "numbers", tabindex: "0", role: "region", "aria-label": `${title}, as a table` },
      make("table", {}, make("thead", {}, head), this.rows)
    )
    this.figure = make(
      "figure",
      {},
      make("figcaption", {}, make("h3", {}, title), this.summary),
      this.plot.box,
      make("details", {}, make("summary", {}, "As a table"), box)
    )
  }

  show(bars: ReadonlyArray<Bar>, summary: string): void {
    this.summary.textContent = summary
    this.rows.replaceChildren(
      ...bars.map(({ label, value }) =>
        make("tr", {}, make("th", { scope: "row" }, label), make("td", {}, amount(value)))
      )
    )
    this.plot.show(bars)
  }
}

const dayOf = (millis: number): string => {
  const date = new Date(millis)
  const two = (value: number) => String(value).padStart(2, "0")
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
}

/** The days from the first to the last, the empty ones too. */
const daysBetween = (from: string, to: string): ReadonlyArray<string> => {
  const days: Array<string> = []
  const [year = 0, month = 1, day = 1] = to.split("-").map(Number)
  for (let back = 0; back < MAX_DAYS; back += 1) {
    const name = dayOf(new Date(year, month - 1, day - back, 12).getTime())
    if (name < from) break
    days.unshift(name)
  }
  return days
}

const MINUTE = 60_000
const steps: ReadonlyArray<readonly [label: string, below: number]> = [
  ["under 1 min", MINUTE],
  ["1–5 min", 5 * MINUTE],
  ["5–15 min", 15 * MINUTE],
  ["15–60 min", 60 * MINUTE],
  ["1–4 h", 240 * MINUTE],
  ["4 h and more", Infinity]
]

/** What the sessions come to, as core sums it up. */
export const summaryOf = (rows: ReadonlyArray<Row>) =>
  result(
    add(
      empty,
      rows.map(({ session }) => session)
    )
  )

/** All charts, of the sessions that they are given. */
export class Charts {
  private readonly counts = new Chart("Sessions by day", { direction: "upright", names: ["Day", "Sessions"] })
  private readonly credits = new Chart("Credits by day", { direction: "upright", names: ["Day", "Credits"] })
  private readonly durations = new Chart("Durations", { direction: "level", names: ["Duration", "Sessions"] })
  private readonly features = new Chart("Launch features", { direction: "level", names: ["Feature", "Sessions"] })
  private readonly all = [this.counts, this.credits, this.durations, this.features]

  constructor(box: HTMLElement) {
    box.replaceChildren(...this.all.map(({ figure }) => figure))
  }

  /** Draws again, in the colours of now. */
  repaint(): void {
    for (const { plot } of this.all) plot.repaint()
  }

  /** Draws these sessions. */
  show(rows: ReadonlyArray<Row>, summary: ReturnType<typeof summaryOf>): void {
    const counts = new Map<string, number>()
    const credits = new Map<string, number>()
    const lengths = steps.map(() => 0)
    for (const { session } of rows) {
      const moment = momentOf(session)
      if (moment !== undefined && Number.isFinite(new Date(moment).getTime())) {
        const day = dayOf(moment)
        counts.set(day, (counts.get(day) ?? 0) + 1)
        credits.set(day, (credits.get(day) ?? 0) + (session.creditsUsed ?? 0))
      }
      const length = durationOf(session)
      if (length !== undefined) {
        const index = steps.findIndex(([, below]) => length < below)
        lengths[index] = (lengths[index] ?? 0) + 1
      }
    }
    const all = [...counts.keys()].toSorted()
    const days = daysBetween(all[0] ?? "", all.at(-1) ?? "")
    const byDay = (of: ReadonlyMap<string, number>) =>
      all.length === 0 ? [] : days.map((label) => ({ label, value: of.get(label) ?? 0 }))
    const span =
      all.length === 0
        ? "No session has a time."
        : `${days[0]} to ${days.at(-1)}, in your time zone${(all[0] ?? "") < (days[0] ?? "") ? "; earlier days are left out" : ""}.`
    const features = Object.entries(summary.launchFeatures)
      .map(([label, value]) => ({ label, value }))
      .toSorted((a, b) => b.value - a.value)
      .slice(0, MAX_FEATURES)
    const lengthBars = steps.map(([label], index) => ({ label, value: lengths[index] ?? 0 }))
    const { durations } = summary
    this.counts.show(byDay(counts), span)
    this.credits.show(byDay(credits), span)
    this.durations.show(
      lengthBars,
      durations === undefined
        ? "No session has both a start and an end."
        : `Half of them end within ${durationText(durations.p50)}, nine of ten within ${durationText(durations.p90)}.`
    )
    this.features.show(
      features,
      features.length === 0 ? "No session says what it was launched with." : "Sessions with the feature on."
    )
  }
}
