/**
 * A session as the page shows it.
 */
import { pathsOf } from "@hb-sessions/core/ColumnChooser"
import type { Session } from "@hb-sessions/core/Session"
import { columns as contract, isTimeColumn, reader } from "@hb-sessions/core/SessionsColumns"
import { encodeSession, ExactNumber, toJson } from "@hb-sessions/core/SessionsNdjson"
import { exactNumberText, numberText } from "./numberText.ts"

/** A session, and what is looked for in it. */
export interface Row {
  readonly session: Session
  /** All its values, in lower case. */
  readonly text: string
}

/** Makes a row. */
export const rowOf = (session: Session): Row => ({
  session,
  text: encodeSession(session).toLowerCase()
})

/** The column that is not one of a session: how long it ran. */
export const runTime = "run time"

const numberOf = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isFinite(value) ? value : undefined

/** Milliseconds from start to end; undefined while it runs, or where one is not known. */
export const durationOf = ({ endTime, startTime }: Session): number | undefined => {
  const [start, end] = [numberOf(startTime), numberOf(endTime)]
  return start === undefined || end === undefined || end < start ? undefined : end - start
}

/** When it was created or, where that is not known, started. */
export const momentOf = ({ createdAt, startTime }: Session): number | undefined =>
  numberOf(createdAt) ?? numberOf(startTime)

const readers = new Map<string, (session: Session) => unknown>([[runTime, durationOf]])

/** The value of a column. */
export const valueOf = (session: Session, column: string): unknown => {
  const read = readers.get(column) ?? reader(column)
  readers.set(column, read)
  return read(session)
}

const times = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" })

/** A time in the reader's zone. */
export const timeText = (millis: number): string => {
  const date = new Date(millis)
  return Number.isNaN(date.getTime()) ? String(millis) : times.format(date)
}

/** Milliseconds in words. */
export const durationText = (millis: number): string => {
  const seconds = Math.round(millis / 1000)
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`
  return `${numberText(Math.floor(minutes / 60))} h ${minutes % 60} min`
}

const LONGEST = 2000

/** A text, cut where it is too long to be drawn. */
export const shortText = (text: string): string => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text)

/** A value as text; short enough to be drawn. */
export const valueText = (value: unknown, column: string): string => {
  if (value === undefined) return ""
  if (typeof value === "number") {
    if (isTimeColumn(column)) return timeText(value)
    return column === runTime ? durationText(value) : exactNumberText(value)
  }
  if (typeof value === "boolean") return value ? "yes" : "no"
  return shortText(typeof value === "string" ? value : toJson(value))
}

/** What a value is sorted by. An object may have a `toString` that is none, so its text is its JSON. */
const sortKey = (value: unknown): number | string | undefined => {
  if (value === undefined || typeof value === "number" || typeof value === "string") return value
  return value instanceof ExactNumber ? value.value : toJson(value)
}

const compare = (a: number | string, b: number | string): number => {
  const [left, right] = typeof a === typeof b ? [a, b] : [String(a), String(b)]
  return left === right ? 0 : left < right ? -1 : 1
}

/** Sorts rows by a column; those without a value come last whatever the direction. */
export const sortedBy = (rows: ReadonlyArray<Row>, column: string, direction: 1 | -1): ReadonlyArray<Row> =>
  rows
    .map((row) => ({ row, key: sortKey(valueOf(row.session, column)) }))
    .toSorted(({ key: a }, { key: b }) =>
      a === undefined || b === undefined ? Number(a === undefined) - Number(b === undefined) : direction * compare(a, b)
    )
    .map(({ row }) => row)

/** All fields of a session, by path, as text: those of the contract that it has, then the others. */
export const fieldsOf = (session: Session): ReadonlyArray<readonly [path: string, text: string]> =>
  [...contract.filter((column) => reader(column)(session) !== undefined), ...pathsOf(session)].map((column) => [
    column,
    valueText(reader(column)(session), column)
  ])
