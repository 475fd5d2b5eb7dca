/**
 * Reads the rows of the text of a data file as bytes, with their ids.
 */
import * as Schema from "effect/Schema"
import type { Form } from "./Form.ts"
import { fromLine } from "./parquetSchema.ts"

/** One row. */
export interface Row {
  /** As written: possibly with the apostrophe of the spreadsheet dialect. */
  readonly id: string
  /** Including the line break. */
  readonly bytes: Buffer
}

/** Reads the bytes of a file in pieces, and returns the completed rows. */
export interface RowReader {
  readonly read: (bytes: Buffer) => ReadonlyArray<Row>
  /** The header of CSV, once it has been read; nothing for other formats. */
  readonly header: () => Buffer
}

const QUOTE = 34
const LINE_FEED = 10

/** Makes the reader of one file; the rows must have the column `id`. */
export const rowReader = ({ columns, format }: Pick<Form, "columns" | "format">): RowReader => {
  const isCsv = format === "csv"
  const column = columns.indexOf("id")
  const idOf = {
    csv: (line: string) => cellOf(line, column),
    ndjson: (line: string) => decode(line).id,
    cells: (line: string) => String(fromLine(line)[column]),
    parquet: (line: string) => String(fromLine(line)[column])
  }[format]
  let header: Buffer | undefined = isCsv ? undefined : Buffer.alloc(0)
  let isQuoted = false
  let rest: Array<Buffer> = []
  return {
    header: () => header ?? Buffer.alloc(0),
    read: (chunk) => {
      const rows: Array<Row> = []
      let start = 0
      for (let at = 0; at < chunk.length; at++) {
        const byte = chunk[at]
        if (isCsv && byte === QUOTE) isQuoted = !isQuoted
        if (byte !== LINE_FEED || isQuoted) continue
        const bytes = Buffer.concat([...rest, chunk.subarray(start, at + 1)])
        rest = []
        start = at + 1
        if (header === undefined) header = bytes
        else rows.push({ id: idOf(bytes.toString()), bytes })
      }
      if (start < chunk.length) rest.push(Buffer.from(chunk.subarray(start)))
      return rows
    }
  }
}

const decode = Schema.decodeSync(Schema.fromJsonString(Schema.Struct({ id: Schema.String })))

/** A cell of a CSV line, unquoted. */
const cellOf = (line: string, column: number): string => {
  let isQuoted = false
  let at = 0
  let start = 0
  let end = 0
  for (; end < line.length; end++) {
    const char = line[end]
    if (char === '"') isQuoted = !isQuoted
    if (isQuoted || (char !== "," && char !== "\r" && char !== "\n")) continue
    if (at === column) break
    at++
    start = end + 1
  }
  const cell = line.slice(start, end)
  return cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell
}
