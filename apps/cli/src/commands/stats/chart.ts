/**
 * A summary of sessions as text of a terminal: bars and sparklines.
 */
import { stripVTControlCharacters } from "node:util"
import type { SessionsSummary } from "@hb-sessions/core/SessionsStats"
import { count, counted, cut, duration, fit, neutralise, type Paint, widthOf } from "../../output/text.ts"
import { type Group, type GroupBy, groupsOf } from "./groups.ts"

export interface ChartOptions {
  readonly by: GroupBy
  /** In columns. */
  readonly width: number
  readonly paint: Paint
}

const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"] as const

/** A bar of a length between 0 and 1, in so many columns. */
export const bar = (share: number, columns: number): string => {
  const eighths = Math.round(Math.max(0, Math.min(1, share)) * columns * 8)
  const text = "█".repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? "")
  // What is there is seen.
  return text === "" && share > 0 ? "▏" : text
}

const LEVELS = "▁▂▃▄▅▆▇█"

/** A line of values in so many columns at most; neighbours are added up when there are more. */
export const sparkline = (values: ReadonlyArray<number>, columns: number): string => {
  const size = Math.max(1, Math.ceil(values.length / Math.max(1, columns)))
  const sums = Array.from({ length: Math.ceil(values.length / size) }, (_, index) =>
    values.slice(index * size, (index + 1) * size).reduce((sum, value) => sum + value, 0)
  )
  const most = Math.max(...sums, 0)
  return sums.map((sum) => (sum === 0 ? " " : LEVELS[Math.max(0, Math.ceil((sum / most) * 8) - 1)])).join("")
}

const credits = (value: number): string =>
  value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })

/** Bars in a terminal: so many at most; time keeps its end, everything else its beginning. */
const MOST_BARS = 31

export const chart = (summary: SessionsSummary, groups: ReadonlyArray<Group>, options: ChartOptions): string => {
  const { by, paint, width } = options
  const { activeNow, durations, sessions } = summary
  const days = groupsOf(summary, "day").filter(({ name }) => name !== "unknown")
  const sections = [
    [
      `${paint("bold", counted(sessions, "session"))}, ${count(activeNow)} active, ${credits(summary.credits)} credits`,
      ...(durations === undefined
        ? []
        : [
            `duration p50 ${duration(durations.p50)} · p90 ${duration(durations.p90)} · p99 ${duration(durations.p99)} · longest ${duration(durations.max)}`
          ])
    ],
    days.length < 2
      ? []
      : [
          `${paint(
            "cyan",
            sparkline(
              days.map((day) => day.sessions),
              width
            )
          )}`,
          paint("dim", `sessions a day (UTC), ${days[0]?.name} to ${days.at(-1)?.name}`)
        ],
    sessions === 0
      ? []
      : [paint("bold", by === "day" || by === "week" ? `By ${by} (UTC)` : `By ${by}`), ...bars(groups, options)],
    features(summary, options)
  ]
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => `${lines.map((line) => cutPainted(line, width)).join("\n")}\n`)
    .join("\n")
}

/** A painted line is as wide as its text; it is cut only without its colours. */
const cutPainted = (line: string, width: number): string =>
  widthOf(stripVTControlCharacters(line)) <= width ? line : cut(stripVTControlCharacters(line), width)

const bars = (groups: ReadonlyArray<Group>, { by, paint, width }: ChartOptions): ReadonlyArray<string> => {
  const isTime = by === "day" || by === "week"
  const shown = isTime ? groups.slice(-MOST_BARS) : groups.slice(0, MOST_BARS)
  const rest = groups.length - shown.length
  const widest = Math.max(...shown.map((group) => credits(group.credits ?? 0).length))
  const lines = barLines(
    shown.map(({ credits: used, name, sessions }) => ({
      name,
      value: sessions,
      text: used === undefined ? count(sessions) : `${count(sessions)}  ${credits(used).padStart(widest)} cr`
    })),
    width,
    paint
  )
  const note = `${count(rest)} ${isTime ? "earlier" : "smaller"} not shown`
  return rest === 0
    ? lines
    : [...(isTime ? [paint("dim", note)] : []), ...lines, ...(isTime ? [] : [paint("dim", note)])]
}

const features = ({ launchFeatures, sessions }: SessionsSummary, { paint, width }: ChartOptions) => {
  const used = Object.entries(launchFeatures).toSorted(([, left], [, right]) => right - left)
  if (used.length === 0) return []
  const lines = used.slice(0, 12).map(([name, value]) => ({
    name,
    value,
    text: `${count(value)}  ${Math.round((value / sessions) * 100)} %`
  }))
  return [paint("bold", "Launch features in use"), ...barLines(lines, width, paint)]
}

interface BarLine {
  readonly name: string
  readonly value: number
  readonly text: string
}

const barLines = (lines: ReadonlyArray<BarLine>, width: number, paint: Paint): ReadonlyArray<string> => {
  const names = lines.map(({ name }) => neutralise(name))
  const nameWidth = Math.min(Math.max(...names.map(widthOf)), Math.max(10, Math.floor(width / 3)))
  const textWidth = Math.max(...lines.map(({ text }) => text.length))
  const columns = Math.max(1, width - nameWidth - textWidth - 4)
  const most = Math.max(...lines.map(({ value }) => value), 1)
  return lines.map(({ text, value }, index) => {
    const drawn = fit(bar(value / most, columns), columns)
    return `${fit(names[index] ?? "", nameWidth)}  ${paint("cyan", drawn)}  ${fit(text, textWidth, "right")}`
  })
}
