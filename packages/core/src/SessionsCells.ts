/**
 * Sessions as typed cells, for formats whose columns have types, such as Parquet.
 *
 * **Details**
 *
 * A cell has the type that `columnType` of `SessionsColumns` gives its column, or is null: where the value is null or
 * absent, means that there is none, or has no meaning in the contract. Times are epoch milliseconds (UTC). A column
 * outside the contract is text: JSON text, unless the value is sent as text. No secret is among the cells.
 */
import { sentValues, toJson } from "./internal/asSent.ts"
import { joinPath, splitPath } from "./internal/columnPath.ts"
import { ExactNumber } from "./internal/ExactNumber.ts"
import { withoutSecrets } from "./secretKeys.ts"
import type { Session } from "./Session.ts"
import { type Column, columnType, isContractColumn, reader } from "./SessionsColumns.ts"

/** One value. */
export type Cell = string | number | boolean | null

/** The cells of one session. */
export interface SessionCells {
  /** In the order of the columns. */
  readonly cells: ReadonlyArray<Cell>
  /**
   * What the cells do not hold as it was sent, by column or by the path above it: JSON text of an object. Undefined if
   * they hold everything.
   *
   * These are values without a meaning in the contract, such as a flag that is text; numbers that JavaScript cannot
   * hold, whose cells have the nearest one; and text with half of a surrogate pair, which has U+FFFD in its cell.
   */
  readonly rescued: string | undefined
}

/** Makes a function that reads the cells of a session, which throws `InvalidColumns` for no column that `parseColumns` gave. */
export const encode = (columns: ReadonlyArray<Column>): ((session: Session) => SessionCells) => {
  const places = columns.map((column) => ({ column, read: reader(column), type: columnType(column) }))
  const isAskedFor = isIn(columns)
  return (session) => {
    const rescued = new Map<string, unknown>()
    for (const { kind, path, value } of sentValues(session)) {
      if (kind === "ignored" && isAskedFor(path)) rescued.set(joinPath(path), withoutSecrets(value))
    }
    const cells = places.map(({ column, read, type }): Cell => {
      const value = read(session)
      const cell = toCell(value, type)
      if (cell !== null && cell !== value && (type !== "text" || typeof value === "string")) rescued.set(column, value)
      return cell
    })
    return { cells, rescued: rescued.size === 0 ? undefined : toJson(Object.fromEntries(rescued)) }
  }
}

const toCell = (value: unknown, type: ReturnType<typeof columnType>): Cell => {
  if (value === undefined) return null
  if (typeof value === "string") return value.toWellFormed()
  if (type === "text") return toJson(value)
  if (value instanceof ExactNumber) return value.value
  return typeof value === "number" || typeof value === "boolean" ? value : null
}

/** Whether the value at a path would have been in one of the columns. */
const isIn = (columns: ReadonlyArray<Column>) => {
  const paths = new Set<string>()
  for (const column of columns) {
    const path = splitPath(column)
    for (let depth = 1; depth < path.length; depth++) paths.add(joinPath(path.slice(0, depth)))
    // Outside the contract a cell has the value as it was sent.
    if (isContractColumn(column)) paths.add(column)
  }
  return (path: ReadonlyArray<string>) => paths.has(joinPath(path))
}
