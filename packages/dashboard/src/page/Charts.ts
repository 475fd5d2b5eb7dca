/**
 * Charts of the sessions: bars, each with its numbers as a table.
 */
import { add, empty, result } from "@hb-sessions/core/SessionsStats"
import { make } from "./dom.ts"
import { numberText } from "./numberText.ts"
import { type Bar, Plot, type PlotOptions } from "./Plot.ts"
import { durationOf, durationText, type Row } from "./Row.ts"
import { sessionsByDay } from "./sessionsByDay.ts"

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
        make("tr", {}, make("th", { scope: "row" }, label), make("td", {}, numberText(value)))
      )
    )
    this.plot.show(bars)
  }
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
    const lengths = steps.map(() => 0)
    for (const { session } of rows) {
      const length = durationOf(session)
      const index = length === undefined ? -1 : steps.findIndex(([, below]) => length < below)
      if (index >= 0) lengths[index] = (lengths[index] ?? 0) + 1
    }
    const { days, note } = sessionsByDay(
      rows.map(({ session }) => session),
      Date.now()
    )
    const features = Object.entries(summary.launchFeatures)
      .map(([label, value]) => ({ label, value }))
      .toSorted((a, b) => b.value - a.value)
      .slice(0, MAX_FEATURES)
    const lengthBars = steps.map(([label], index) => ({ label, value: lengths[index] ?? 0 }))
    const { durations } = summary
    this.counts.show(
      days.map(({ day, sessions }) => ({ label: day, value: sessions })),
      note
    )
    this.credits.show(
      days.map(({ credits, day }) => ({ label: day, value: credits })),
      note
    )
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
