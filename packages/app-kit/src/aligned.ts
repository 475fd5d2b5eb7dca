/**
 * Rows of text as lines with aligned columns, for people.
 */

// Names come from files and servers, and a terminal obeys control characters.
const CONTROL = /\p{Cc}/gu

/** Aligns the cells of rows to the left; control characters become question marks. */
export const aligned = (rows: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const lines = rows.map((row) => row.map((cell) => cell.replaceAll(CONTROL, "?")))
  const widths = (lines[0] ?? []).map((_, column) =>
    lines.reduce((widest, line) => Math.max(widest, line[column]?.length ?? 0), 0)
  )
  return lines.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd()
  )
}
