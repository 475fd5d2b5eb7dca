/**
 * A session as the page shows it.
 */
import type { Session } from "@hb-sessions/core/Session"
import { isTimeColumn } from "@hb-sessions/core/SessionsColumns"
import { toRecord } from "@hb-sessions/core/SessionsNdjson"

/** A session, and what is looked for in it. */
export interface Row {
  readonly session: Session
  /** All its values, in lower case. */
  readonly text: string
}

/** Makes a row. */
export const rowOf = (session: Session): Row => ({
  session,
  text: JSON.stringify(toRecord(session)).toLowerCase()
})

/** The column that is not one of a session: how long it ran. */
export const duration = "duration"

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

/** The value of a column, to sort by. */
export const valueOf = (session: Session, column: string): unknown => {
  if (column === duration) return durationOf(session)
  let value: unknown = session
  for (const key of column.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined
    value = Reflect.get(value, key)
  }
  return value
}

const numbers = new Intl.NumberFormat(undefined, { maximumFractionDigits: 9 })
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
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

const LONGEST = 2000

/** A value as text; short enough to be drawn. */
export const valueText = (value: unknown, column: string): string => {
  if (value === undefined || value === null) return ""
  if (typeof value === "number") {
    if (isTimeColumn(column)) return timeText(value)
    return column === duration ? durationText(value) : numbers.format(value)
  }
  if (typeof value === "boolean") return value ? "yes" : "no"
  const text = typeof value === "string" ? value : JSON.stringify(value)
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text
}

/** Compares two values of a column; absent ones come last whatever the direction. */
export const compareValues = (a: unknown, b: unknown, direction: 1 | -1): number => {
  const isAbsent = (value: unknown) => value === undefined || value === null
  if (isAbsent(a) || isAbsent(b)) return Number(isAbsent(a)) - Number(isAbsent(b))
  const [left, right] = typeof a === "number" && typeof b === "number" ? [a, b] : [String(a), String(b)]
  if (left === right) return 0
  return left < right ? -direction : direction
}

/** All fields of a session, by path, as text. */
export const fieldsOf = (session: Session): ReadonlyArray<readonly [path: string, text: string]> => {
  const fields: Array<readonly [string, string]> = []
  const visit = (value: unknown, path: string) => {
    if (typeof value === "object" && value !== null && Object.keys(value).length > 0) {
      for (const [key, inner] of Object.entries(value)) visit(inner, path === "" ? key : `${path}.${key}`)
    } else {
      fields.push([path, valueText(value, path) || (value === "" ? "" : String(JSON.stringify(value)))])
    }
  }
  visit(session, "")
  return fields
}
