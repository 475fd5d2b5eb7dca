/**
 * Tables of documents.
 */
import { parse } from "./Markdown.ts"

/** The rows of the table whose header begins with these cells; fails when there is no such table. */
export const rowsOf = (file: string, ...header: ReadonlyArray<string>): ReadonlyArray<ReadonlyArray<string>> => {
  const lines = parse(file).prose.split("\n")
  const start = lines.findIndex((line) => {
    const cells = cellsOf(line)
    return header.every((name, index) => cells[index] === name)
  })
  if (start < 0) throw new Error(`${file} has no table ${header.join(", ")}`)
  const end = lines.findIndex((line, index) => index > start && !line.startsWith("|"))
  return lines.slice(start + 2, end < 0 ? undefined : end).map(cellsOf)
}

/** Everything in backticks in a column of such a table. */
export const namesIn = (file: string, first: string, second: string, column = 0): ReadonlyArray<string> =>
  rowsOf(file, first, second).flatMap((row) =>
    [...(row[column] ?? "").matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? "")
  )

const cellsOf = (line: string): ReadonlyArray<string> =>
  line.startsWith("|")
    ? line
        .slice(1, line.lastIndexOf("|"))
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim())
    : []
