/**
 * Rows of text with aligned columns.
 */

// Names come from files and servers, and a terminal obeys control characters.
const CONTROL = /\p{Cc}/gu

/** Aligns the cells of rows to the left. */
export const tableOf = (rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const lines = rows.map((row) => row.map((cell) => cell.replaceAll(CONTROL, "?")))
  const widths = (lines[0] ?? []).map((_, index) => Math.max(...lines.map((line) => line[index]?.length ?? 0)))
  return lines
    .map((line) =>
      line
        .map((cell, index) => cell.padEnd(widths[index] ?? 0))
        .join("  ")
        .trimEnd()
    )
    .join("\n")
}
