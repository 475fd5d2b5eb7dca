/**
 * The fields of a session by the names of the columns, as plain values.
 */
import type { Session } from "@hb-sessions/core/Session"
import { type Column, isContractColumn, isTimeColumn, reader } from "@hb-sessions/core/SessionsColumns"
import { ExactNumber, toJson } from "@hb-sessions/core/SessionsNdjson"

/** Reads the value of a column: times as ISO 8601, undefined where it is null or absent. */
export const fieldOf = (column: Column): ((session: Session) => unknown) => {
  const read = reader(column)
  if (!isTimeColumn(column)) return read
  return (session) => {
    const value = read(session)
    return typeof value === "number" ? new Date(value).toISOString() : undefined
  }
}

/** The text of a value in a cell; objects and arrays as JSON. */
export const textOf = (value: unknown): string =>
  typeof value === "object" && value !== null ? toJson(value) : String(value ?? "")

const DECIMAL = /^[+-]?\d+(?:\.\d+)?$/

/** Reads the value to sort by: times as numbers, and outside the contract text that is a number, too. */
export const sortValueOf = (column: Column): ((session: Session) => string | number | undefined) => {
  const read = reader(column)
  const isText = isContractColumn(column)
  return (session) => {
    const value = read(session)
    if (value instanceof ExactNumber) return value.value
    if (typeof value === "string") return !isText && DECIMAL.test(value) ? Number(value) : value
    return value === undefined || typeof value === "number"
      ? value
      : typeof value === "boolean"
        ? Number(value)
        : textOf(value)
  }
}
