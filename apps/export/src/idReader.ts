/**
 * The ids of the sessions in a file, without the rest of their rows.
 */
import * as Schema from "effect/Schema"
import { StringDecoder } from "node:string_decoder"
import type { Selection } from "./Selection.ts"

/** Reads the bytes of a file piece by piece, and gives the ids that have become complete. */
export interface IdReader {
  readonly read: (bytes: Buffer) => ReadonlyArray<string>
}

/** Makes the reader of one file; the rows must have the column `id`. */
export const idReader = (selection: Pick<Selection, "columns" | "format">): IdReader =>
  selection.format === "csv" ? csvIds(selection.columns.indexOf("id")) : ndjsonIds()

const HasId = Schema.fromJsonString(Schema.Struct({ id: Schema.String }))

const ndjsonIds = (): IdReader => {
  const decoder = new StringDecoder("utf8")
  const decode = Schema.decodeSync(HasId)
  let rest = ""
  return {
    read: (bytes) => {
      const lines = `${rest}${decoder.write(bytes)}`.split("\n")
      rest = lines.pop() ?? ""
      return lines.map((line) => decode(line).id)
    }
  }
}

const csvIds = (column: number): IdReader => {
  const decoder = new StringDecoder("utf8")
  let isHeader = true
  let isQuoted = false
  let at = 0
  let cell = ""
  return {
    read: (bytes) => {
      const ids: Array<string> = []
      for (const char of decoder.write(bytes)) {
        if (char === '"') isQuoted = !isQuoted
        if (!isQuoted && char === ",") at++
        else if (!isQuoted && char === "\n") {
          if (!isHeader) ids.push(cellOf(cell))
          isHeader = false
          at = 0
          cell = ""
        } else if (at === column) cell += char
      }
      return ids
    }
  }
}

/** A cell as it was before it was quoted; the last one of a row has a carriage return behind it. */
const cellOf = (text: string): string => {
  const cell = text.endsWith("\r") && !text.startsWith('"') ? text.slice(0, -1) : text.replace(/"\r$/, '"')
  return cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell
}
