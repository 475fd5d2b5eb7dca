/**
 * Sessions as a table for people.
 */
import type { Session } from "@hb-sessions/core/Session"
import type { ColumnName } from "@hb-sessions/core/SessionsCsv"
import { duration, fit, neutralise, type Paint, type Style, widthOf } from "../terminal/text.ts"
import type { MakeEncoder } from "./Encoder.ts"
import { valueOf } from "./fields.ts"

/** A column of a table. */
export interface TableColumn {
  readonly title: string
  /** The width without longer cells, so that later pages are in line with the first. */
  readonly width: number
  readonly align: "left" | "right"
  readonly cell: (session: Session) => string
  readonly style?: (session: Session) => Style | undefined
}

const statusStyles: Readonly<Record<string, Style>> = { active: "green", error: "red", closed: "dim" }

export const statusStyle = ({ status }: Session): Style | undefined =>
  status === undefined ? undefined : (statusStyles[status] ?? "yellow")

const time = (millis: number | undefined): string =>
  millis === undefined ? "-" : new Date(millis).toISOString().slice(0, "2026-01-31T09:30".length).replace("T", " ")

const durationOf = ({ endTime, startTime }: Session): string => {
  if (typeof startTime !== "number" || typeof endTime !== "number") return "-"
  const seconds = Math.max(0, Math.round((endTime - startTime) / 1000))
  return seconds < 60 ? `${seconds}s` : duration(seconds * 1000)
}

const standard: Partial<Record<ColumnName | "duration", TableColumn>> = {
  id: { title: "ID", width: 36, align: "left", cell: ({ id }) => id },
  status: { title: "STATUS", width: 6, align: "left", cell: ({ status }) => status ?? "-", style: statusStyle },
  createdAt: { title: "CREATED (UTC)", width: 16, align: "left", cell: ({ createdAt }) => time(createdAt) },
  duration: { title: "LASTED", width: 7, align: "right", cell: durationOf },
  creditsUsed: {
    title: "CREDITS",
    width: 7,
    align: "right",
    cell: ({ creditsUsed }) => creditsUsed?.toFixed(2) ?? "-"
  }
}

/** The columns of a table when none are chosen. */
export const defaultColumns: ReadonlyArray<TableColumn> = Object.values(standard)

const columnOf = (name: ColumnName): TableColumn => {
  const known = name === "creditsUsed" ? undefined : standard[name]
  if (known !== undefined) return known
  return {
    title: name,
    width: name.length,
    align: name === "creditsUsed" ? "right" : "left",
    cell: (session) => String(valueOf(session, name) ?? "-")
  }
}

const GAP = "  "
const LEAST = 6
const LEAST_NUMBER = 7

/** The widths that the columns get: as wide as their cells, then cut from the widest until the line fits. */
export const layout = (
  columns: ReadonlyArray<TableColumn>,
  cells: ReadonlyArray<ReadonlyArray<string>>,
  bound: number | undefined
): ReadonlyArray<number> => {
  const widths = columns.map(({ title, width }, index) =>
    Math.max(width, widthOf(title), ...cells.map((row) => widthOf(row[index] ?? "")))
  )
  if (bound === undefined) return widths
  const total = () => widths.reduce((sum, width) => sum + width + GAP.length, -GAP.length)
  while (total() > bound) {
    const widest = Math.max(...widths)
    if (widest <= LEAST) {
      widths.pop()
      if (widths.length <= 1) return [Math.min(widths[0] ?? 0, bound)]
    } else {
      widths[widths.lastIndexOf(widest)] = widest - 1
    }
  }
  return widths
}

/** One line; `styles` colours its cells. */
export const row = (
  columns: ReadonlyArray<TableColumn>,
  widths: ReadonlyArray<number>,
  cells: ReadonlyArray<string>,
  paint: (index: number, text: string) => string = (_, text) => text
): string => {
  const shown = widths.map((width, index) => {
    const cell = cells[index] ?? ""
    const align = columns[index]?.align
    // A number that is cut is another number, so it rather makes its line longer.
    const text = align === "right" && width >= LEAST_NUMBER ? cell.padStart(width) : fit(cell, width, align)
    // Blanks at the end of a line only make it wrap.
    return paint(index, index === widths.length - 1 ? text.trimEnd() : text)
  })
  return shown.join(GAP).trimEnd()
}

export const cellsOf = (columns: ReadonlyArray<TableColumn>, session: Session): ReadonlyArray<string> =>
  columns.map(({ cell }) => neutralise(cell(session)))

/** The header of a table. */
export const headerOf = (columns: ReadonlyArray<TableColumn>, widths: ReadonlyArray<number>, paint: Paint): string =>
  row(
    columns,
    widths,
    columns.map(({ title }) => title),
    (_, text) => paint("bold", text)
  )

/** The first page gives the columns their widths, so that rows can be printed before the last is known. */
export const table: MakeEncoder = ({ columns: names, isContinued, paint, width }) => {
  const columns = names === undefined ? defaultColumns : names.map(columnOf)
  let widths: ReadonlyArray<number> | undefined
  return {
    rows: (sessions) => {
      if (sessions.length === 0) return ""
      const cells = sessions.map((session) => cellsOf(columns, session))
      let text = ""
      if (widths === undefined) {
        widths = layout(columns, cells, width)
        if (!isContinued) text = `${headerOf(columns, widths, paint)}\n`
      }
      for (const [index, session] of sessions.entries()) {
        const painted = (column: number, shown: string) => {
          const style = columns[column]?.style?.(session)
          return style === undefined ? shown : paint(style, shown)
        }
        text += `${row(columns, widths, cells[index] ?? [], painted)}\n`
      }
      return text
    },
    end: () => (widths === undefined ? "No sessions.\n" : "")
  }
}
