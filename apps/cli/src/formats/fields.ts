/**
 * The fields of a session by the names of the CSV columns, as plain values.
 */
import type { Session } from "@hb-sessions/core/Session"
import type { ColumnName } from "@hb-sessions/core/SessionsCsv"
import * as Predicate from "effect/Predicate"

const times: ReadonlySet<string> = new Set(["createdAt", "startTime", "endTime", "updatedAt"])

/** The value of a column: times as ISO 8601, undefined where it is null or absent. */
export const valueOf = (session: Session, column: ColumnName): string | number | boolean | undefined => {
  let value: unknown = session
  for (const key of column.split(".")) value = Predicate.hasProperty(value, key) ? value[key] : undefined
  if (typeof value === "number" && times.has(column)) return new Date(value).toISOString()
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : undefined
}

/** The value to sort by: times as numbers. */
export const sortValueOf = (session: Session, column: ColumnName): string | number | undefined => {
  const value = valueOf(session, column)
  if (value === undefined || typeof value === "number") return value
  if (typeof value === "boolean") return value ? 1 : 0
  return times.has(column) ? Date.parse(value) : value
}
