/**
 * One picture of the live table.
 */
import { cellsOf, defaultColumns, headerOf, layout, row, statusStyle } from "../../output/formats/table.ts"
import type { Times } from "../../output/times.ts"
import { count, cut, type Paint } from "../../output/text.ts"
import type { Watched } from "./Watched.ts"

export interface FrameOptions {
  readonly width: number
  readonly height: number
  /** Most rows; undefined for as many as fit. */
  readonly limit: number | undefined
  readonly paint: Paint
  readonly times: Times
  /** Time of the look, epoch milliseconds. */
  readonly now: number
}

const marks = { active: " ", started: "+", changed: "*", ended: "-" } as const

/** The lines of the table: what changed since the look before is marked, and in inverse video where there is colour. */
export const frame = (watched: Watched, options: FrameOptions): ReadonlyArray<string> => {
  const { height, limit, now, paint, times, width } = options
  const all = watched.rows()
  const space = Math.max(1, Math.min(height - 4, limit ?? Infinity))
  const shown = all.slice(0, space)
  const columns = defaultColumns({ now, times })
  const cells = shown.map(({ session }) => cellsOf(columns, session))
  const lines = layout(columns, cells, Math.max(1, width - 2))
  const time = times.second(now).split(" ")[1]
  const title = `${count(watched.active)} active, ${count(watched.ended.length)} ended since the watch began · ${time} ${times.zone} · Ctrl-C to leave`
  const rest = all.length - shown.length
  return [
    paint("bold", cut(title, width)),
    "",
    `  ${headerOf(columns, lines, paint)}`,
    ...shown.map(({ event, session }, index) => {
      const mark = marks[event ?? "active"]
      const plain = row(columns, lines, cells[index] ?? [])
      if (event !== undefined) return `${mark} ${paint("inverse", plain)}`
      const style = statusStyle(session)
      return `  ${row(columns, lines, cells[index] ?? [], (column, text) =>
        style !== undefined && columns[column]?.style !== undefined ? paint(style, text) : text
      )}`
    }),
    ...(rest > 0 ? [paint("dim", cut(`  ${count(rest)} more`, width))] : [])
  ]
}
