/**
 * Sessions as a table for people.
 */
import type { Session } from "@hb-sessions/core/Session"
import { type Column, type ColumnName, isContractColumn } from "@hb-sessions/core/SessionsColumns"
import { duration, fit, neutralise, type Paint, type Style, widthOf } from "../text.ts"
import type { EncoderOptions, MakeEncoder } from "./Encoder.ts"
import { fieldOf, textOf } from "./fields.ts"

/** A column of a table. */
export interface TableColumn {
  readonly title: string
  /** The width without longer cells, so that later pages are in line with the first. */
  readonly width: number
  readonly align: "left" | "right"
  readonly cell: (session: Session) => string
  readonly style?: (session: Session) => Style | undefined
}

const statusStyles: Readonly<Record<string, Style>> = {
  active: "green",
  error: "red",
  "close-error": "red",
  closed: "dim"
}

export const statusStyle = ({ status }: Session): Style | undefined =>
  status === undefined ? undefined : (statusStyles[status] ?? "yellow")

/** What the cells depend on beside the session. */
export type Moment = Pick<EncoderOptions, "now" | "times">

/** How long a session lasted, or has been running until now. */
const durationOf = ({ createdAt, endTime, startTime, status }: Session, now: number): string => {
  const start = startTime ?? createdAt
  const end = endTime ?? (status === "active" ? now : undefined)
  if (start === undefined || end === undefined) return "-"
  const seconds = Math.max(0, Math.round((end - start) / 1000))
  return seconds < 60 ? `${seconds}s` : duration(seconds * 1000)
}

const standard = ({ now, times }: Moment) =>
  ({
    id: { title: "ID", width: 36, align: "left", cell: ({ id }) => id },
    status: { title: "STATUS", width: 6, align: "left", cell: ({ status }) => status ?? "-", style: statusStyle },
    createdAt: {
      title: `CREATED (${times.shortZone})`,
      width: 16,
      align: "left",
      cell: ({ createdAt }) => (createdAt === undefined ? "-" : times.minute(createdAt))
    },
    duration: { title: "LASTED", width: 7, align: "right", cell: (session) => durationOf(session, now) },
    creditsUsed: {
      title: "CREDITS",
      width: 7,
      align: "right",
      cell: ({ creditsUsed }) => creditsUsed?.toFixed(2) ?? "-"
    }
  }) satisfies Partial<Record<ColumnName | "duration", TableColumn>>

/** The columns of a table when none are chosen. */
export const defaultColumns = (moment: Moment): ReadonlyArray<TableColumn> => Object.values(standard(moment))

const columnOf = (name: Column, moment: Moment): TableColumn => {
  const columns: Partial<Record<string, TableColumn>> = standard(moment)
  const isShown = isContractColumn(name) && name !== "creditsUsed" && Object.hasOwn(columns, name)
  const known = isShown ? columns[name] : undefined
  if (known !== undefined) return known
  const read = fieldOf(name)
  return {
    title: neutralise(name),
    width: name.length,
    align: name === "creditsUsed" ? "right" : "left",
    cell: (session) => textOf(read(session)) || "-"
  }
}

const GAP = "  "
const LEAST = 6
const LEAST_NUMBER = 7

/** The widths of the columns, and how wide a line may be; undefined for no bound. */
export interface TableLayout {
  readonly widths: ReadonlyArray<number>
  readonly bound: number | undefined
}

/** Columns as wide as their cells, then cut from the widest until the line fits. */
export const layout = (
  columns: ReadonlyArray<TableColumn>,
  cells: ReadonlyArray<ReadonlyArray<string>>,
  bound: number | undefined
): TableLayout => ({ widths: fitted(columns, cells, bound), bound })

const fitted = (
  columns: ReadonlyArray<TableColumn>,
  cells: ReadonlyArray<ReadonlyArray<string>>,
  bound: number | undefined
): ReadonlyArray<number> => {
  const widths = columns.map(({ title, width }, index) =>
    cells.reduce((widest, row) => Math.max(widest, widthOf(row[index] ?? "")), Math.max(width, widthOf(title)))
  )
  if (bound === undefined) return widths
  while (lineWidth(widths) > bound) {
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

const lineWidth = (widths: ReadonlyArray<number>): number =>
  widths.reduce((sum, width) => sum + width + GAP.length, -GAP.length)

/** The widths of one line: a number that is longer than its column takes its room from the widest texts. */
const widthsOf = (
  columns: ReadonlyArray<TableColumn>,
  { bound = Infinity, widths }: TableLayout,
  cells: ReadonlyArray<string>
): ReadonlyArray<number> => {
  const isText = (index: number) => columns[index]?.align === "left"
  const own = widths.map((width, index) =>
    isText(index) || width < LEAST_NUMBER ? width : Math.max(width, cells[index]?.length ?? 0)
  )
  while (lineWidth(own) > bound) {
    const widest = Math.max(...own.filter((_, index) => isText(index)))
    if (widest <= LEAST) break
    own[own.findLastIndex((width, index) => isText(index) && width === widest)] = widest - 1
  }
  return own
}

/** One line; `paint` colours its cells. */
export const row = (
  columns: ReadonlyArray<TableColumn>,
  lines: TableLayout,
  cells: ReadonlyArray<string>,
  paint: (index: number, text: string) => string = (_, text) => text
): string => {
  const widths = widthsOf(columns, lines, cells)
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
export const headerOf = (columns: ReadonlyArray<TableColumn>, lines: TableLayout, paint: Paint): string =>
  row(
    columns,
    lines,
    columns.map(({ title }) => title),
    (_, text) => paint("bold", text)
  )

/** The first page gives the columns their widths, so that rows can be printed before the last is known. */
export const table: MakeEncoder = ({ columns: names, isContinued, now, paint, times, width }) => {
  const moment = { now, times }
  const columns = names === undefined ? defaultColumns(moment) : names.map((name) => columnOf(name, moment))
  let lines: TableLayout | undefined
  return {
    rows: (sessions) => {
      if (sessions.length === 0) return ""
      const cells = sessions.map((session) => cellsOf(columns, session))
      let text = ""
      if (lines === undefined) {
        lines = layout(columns, cells, width)
        if (!isContinued) text = `${headerOf(columns, lines, paint)}\n`
      }
      for (const [index, session] of sessions.entries()) {
        const painted = (column: number, shown: string) => {
          const style = columns[column]?.style?.(session)
          return style === undefined ? shown : paint(style, shown)
        }
        text += `${row(columns, lines, cells[index] ?? [], painted)}\n`
      }
      return text
    },
    end: () => (lines === undefined ? "No sessions.\n" : "")
  }
}
