/**
 * A summary of sessions as a picture that needs no other file.
 */
import type { SessionsSummary } from "@hb-sessions/core/SessionsStats"
import { count, counted, duration, neutralise } from "../../output/text.ts"
import type { Group, GroupBy } from "./groups.ts"

const WIDTH = 800
const MARGIN = 24
const ROW = 22
const NAME = 270
const VALUE = 130
const MOST_BARS = 60

const escapes: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" }

const escape = (text: string): string => neutralise(text).replace(/[&<>"]/g, (character) => escapes[character] ?? "")

/** Horizontal bars under a headline; readable on light and on dark ground. */
export const svgOf = (summary: SessionsSummary, groups: ReadonlyArray<Group>, by: GroupBy): string => {
  const shown = by === "day" || by === "week" ? groups.slice(-MOST_BARS) : groups.slice(0, MOST_BARS)
  const most = Math.max(...shown.map(({ sessions }) => sessions), 1)
  const { durations } = summary
  const head = `${counted(summary.sessions, "session")} by ${by}, ${summary.credits.toFixed(2)} credits`
  const below =
    durations === undefined
      ? `${count(summary.activeNow)} active`
      : `${count(summary.activeNow)} active · duration p50 ${duration(durations.p50)}, p90 ${duration(durations.p90)}, p99 ${duration(durations.p99)}`
  const top = MARGIN + 62
  const longest = WIDTH - 2 * MARGIN - NAME - VALUE
  const rows = shown.map(({ credits, name, sessions }, index) => {
    const y = top + index * ROW
    const length = ((sessions / most) * longest).toFixed(1)
    const value = credits === undefined ? count(sessions) : `${count(sessions)} · ${credits.toFixed(2)} cr`
    return [
      `<text class="t" x="${MARGIN + NAME - 10}" y="${y + 15}" text-anchor="end">${escape(name)}</text>`,
      `<rect x="${MARGIN + NAME}" y="${y + 3}" width="${length}" height="${ROW - 6}" rx="2" fill="#2a78d6"><title>${escape(`${name}: ${value}`)}</title></rect>`,
      `<text class="v" x="${MARGIN + NAME + Number(length) + 8}" y="${y + 15}">${escape(value)}</text>`
    ].join("")
  })
  const height = top + shown.length * ROW + MARGIN
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img">
<title>${escape(head)}</title>
<style>
rect.g { fill: #ffffff } text { font: 13px system-ui, sans-serif } .h { font-size: 18px; font-weight: 600; fill: #1a1a19 } .t { fill: #1a1a19 } .v, .s { fill: #5f5e5a }
@media (prefers-color-scheme: dark) { rect.g { fill: #1a1a19 } .h, .t { fill: #f4f3ef } .v, .s { fill: #b4b2a9 } }
</style>
<rect class="g" width="${WIDTH}" height="${height}"/>
<text class="h" x="${MARGIN}" y="${MARGIN + 16}">${escape(head)}</text>
<text class="s" x="${MARGIN}" y="${MARGIN + 38}">${escape(below)}</text>
${rows.join("\n")}
</svg>
`
}
