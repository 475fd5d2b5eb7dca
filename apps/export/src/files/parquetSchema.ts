/**
 * The columns of a Parquet file, and the lines of text from which it is made.
 *
 * A line is a JSON array of the cells of a session, in the order of the columns, and then what they do not hold as it was
 * sent, as `SessionsCells` has both. Times are epoch milliseconds.
 */
import type { Cell } from "@hb-sessions/core/SessionsCells"
import { columnType } from "@hb-sessions/core/SessionsColumns"
import type { SchemaElement } from "hyparquet"
import type { Form } from "./Form.ts"

/** The column of what the other columns do not hold, as other programs call it; with more underscores if that is taken. */
const RESCUED = "_rescued_data"

/** The columns of a file, in order; the last one is that of what the others do not hold. */
export const parquetColumns = ({ columns }: Pick<Form, "columns">): ReadonlyArray<string> => {
  // Many readers tell names apart by their letters alone, whatever the case.
  const taken = new Set(columns.map((name) => name.toLowerCase()))
  let rescued = RESCUED
  while (taken.has(rescued)) rescued += "_"
  return [...columns, rescued]
}

const types = {
  text: { type: "BYTE_ARRAY", converted_type: "UTF8", logical_type: { type: "STRING" } },
  number: { type: "DOUBLE" },
  boolean: { type: "BOOLEAN" },
  time: {
    type: "INT64",
    converted_type: "TIMESTAMP_MICROS",
    logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "MICROS" }
  }
} as const satisfies Record<ReturnType<typeof columnType>, Partial<SchemaElement>>

/** The schema of a file with the given columns: each may be null. */
export const parquetSchema = (columns: ReadonlyArray<string>): Array<SchemaElement> => [
  { name: "sessions", num_children: columns.length },
  ...columns.map((name) => ({ ...types[columnType(name)], name, repetition_type: "OPTIONAL" as const }))
]

/** The line of some cells, without a line break. */
export const toLine = (cells: ReadonlyArray<Cell>): string => JSON.stringify(cells)

/** The cells of a line. */
export const fromLine = (line: string): ReadonlyArray<Cell> => JSON.parse(line)
