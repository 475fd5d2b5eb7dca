/**
 * A session as a flat object of the chosen columns.
 */
import { pathsOf } from "@hb-sessions/core/ColumnChooser"
import type { Session } from "@hb-sessions/core/Session"
import { type Column, everything, expandColumns } from "@hb-sessions/core/SessionsColumns"
import { fieldOf } from "./fields.ts"

/**
 * Makes a function that picks the columns of a session; null where there is no value.
 *
 * A record has no header, so `*` is all that this one session has, beside the columns of the contract.
 */
export const flatten = (columns: ReadonlyArray<Column>): ((session: Session) => Readonly<Record<string, unknown>>) => {
  const known = new Map(columns.map((column) => [column, fieldOf(column)]))
  const hasEverything = columns.includes(everything)
  const readerOf = (column: Column) => {
    const read = known.get(column) ?? fieldOf(column)
    // A server may use ids as keys.
    if (known.size < 1000) known.set(column, read)
    return read
  }
  return (session) => {
    const own = hasEverything ? expandColumns(columns, pathsOf(session)) : columns
    return Object.fromEntries(own.map((column) => [column, readerOf(column)(session) ?? null]))
  }
}
