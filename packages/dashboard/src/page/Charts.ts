/**
 * Charts of the sessions: bars, each with its numbers as a table.
 */
import { add, empty, result } from "@hb-sessions/core/SessionsStats"
import { draw, make } from "./dom.ts"
import { durationOf, durationText, momentOf, type Row } from "./Row.ts"

interface Bar {
  readonly label: string
  readonly value: number
}

const WIDTH = 480
const HEIGHT = 180
const [LEFT, BOTTOM, TOP] = [44, 22, 8]

/** Days that are drawn; older ones are left out, which the title says. */
const MAX_DAYS = 60
/** Launch features that are drawn. */
const MAX_FEATURES = 12

const numbers = new Intl.NumberFormat(undefined, { maximumFractionDigits: 2 })
const short = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 })
const amount = (value: number): string => numbers.format(value)

const upright = (bars: ReadonlyArray<Bar>): SVGElement => {
  const most = Math.max(...bars.map(({ value }) => value), 0) || 1
  const step = (WIDTH - LEFT) / Math.max(1, bars.length)
  const area = HEIGHT - TOP - BOTTOM
  const every = Math.max(1, Math.ceil(bars.length / 6))
  return draw(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true" },
    draw("line", { x1: LEFT, x2: WIDTH, y1: TOP + area, y2: TOP + area }),
    draw("text", { x: LEFT - 4, y: TOP + 8, "text-anchor": "end" }, short.format(most)),
    draw("text", { x: LEFT - 4, y: TOP + area, "text-anchor": "end" }, "0"),
    ...bars.flatMap(({ label, value }, index) => {
      const height = (value / most) * area
      const bar = draw(
        "rect",
        { x: LEFT + index * step, y: TOP + area - height, width: Math.max(1, step * 0.8), height },
        draw("title", {}, `${label}: ${amount(value)}`)
      )
      if (index % every !== 0) return [bar]
      return [bar, draw("text", { x: LEFT + index * step, y: HEIGHT - 6 }, label.slice(0, 24))]
    })
  )
}

const LINE = 20

const level = (bars: ReadonlyArray<Bar>): SVGElement => {
  const most = Math.max(...bars.map(({ value }) => value), 0) || 1
  const left = 200
  return draw(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${Math.max(1, bars.length) * LINE + 4}`, "aria-hidden": "true" },
    ...bars.flatMap(({ label, value }, index) => [
      draw("text", { x: left - 6, y: index * LINE + 14, "text-anchor": "end" }, label.slice(0, 34)),
      draw("rect", { x: left, y: index * LINE + 3, width: (value / most) * (WIDTH - left - 60), height: LINE - 6 }),
      draw("text", { x: left + (value / most) * (WIDTH - left - 60) + 4, y: index * LINE + 14 }, amount(value))
    ])
  )
}

/** A drawing for those who see it, and the same as a table for everybody. */
const chart = (
  title: string,
  [what, unit]: readonly [string, string],
  bars: ReadonlyArray<Bar>,
  drawn: SVGElement,
  summary: string
): HTMLElement => {
  const rows = bars.map(({ label, value }) =>
    make("tr", {}, make("th", { scope: "row" }, label), make("td", {}, amount(value)))
  )
  const head = make("tr", {}, make("th", { scope: "col" }, what), make("th", { scope: "col" }, unit))
  const table = make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows))
  const box = make(
    "div",
    { class: "numbers", tabindex: "0", role: "region", "aria-label": `${title}, as a table` },
    table
  )
  return make(
    "figure",
    {},
    make("figcaption", {}, make("h3", {}, title), make("p", { class: "note" }, summary)),
    drawn,
    make("details", {}, make("summary", {}, "As a table"), box)
  )
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

/** The charts of these sessions. */
export const charts = (rows: ReadonlyArray<Row>, summary: ReturnType<typeof summaryOf>): ReadonlyArray<HTMLElement> => {
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
  return [
    chart("Sessions by day", ["Day", "Sessions"], byDay(counts), upright(byDay(counts)), span),
    chart("Credits by day", ["Day", "Credits"], byDay(credits), upright(byDay(credits)), span),
    chart(
      "Durations",
      ["Duration", "Sessions"],
      lengthBars,
      level(lengthBars),
      durations === undefined
        ? "No session has both a start and an end."
        : `Half of them end within ${durationText(durations.p50)}, nine of ten within ${durationText(durations.p90)}.`
    ),
    chart(
      "Launch features",
      ["Feature", "Sessions"],
      features,
      level(features),
      features.length === 0 ? "No session says what it was launched with." : "Sessions with the feature on."
    )
  ]
}
