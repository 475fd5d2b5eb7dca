/**
 * Results as tables, for the terminal and for RESULTS.md.
 */
import type { Result } from "./Comparison.ts"

/** One part of the report. */
export interface Section {
  readonly name: string
  /** What was done, in one sentence. */
  readonly work: string
  readonly table: Table
  /** Targets and whether they are met, causes of misses, caveats. */
  readonly notes: ReadonlyArray<string>
}

export interface Table {
  readonly columns: ReadonlyArray<string>
  readonly rows: ReadonlyArray<ReadonlyArray<string>>
}

export const times = (ratio: number): string => `${ratio.toFixed(2)}×`

/** The usual table of a comparison: our speed relative to each contestant's. */
export const comparisonTable = (results: ReadonlyArray<Result>, unit: string): Table => ({
  columns: ["contestant", "ours is as fast", "range", unit],
  rows: results.map(({ cost, highest, lowest, name, ratio }, index) => [
    name,
    index === 0 ? "" : times(ratio),
    index === 0 ? "" : `${times(lowest)} – ${times(highest)}`,
    cost.toPrecision(3)
  ])
})

/** A line that says whether a target is met. */
export const target = (text: string, actual: number, met: boolean): string =>
  `${met ? "met" : "MISSED"}: ${text} (measured ${actual.toFixed(2)})`

export const toMarkdown = ({ name, notes, table, work }: Section): string => {
  const line = (cells: ReadonlyArray<string>) => `| ${cells.join(" | ")} |`
  return [
    `## ${name}`,
    "",
    work,
    "",
    line(table.columns),
    line(table.columns.map(() => "---")),
    ...table.rows.map(line),
    "",
    ...notes.map((note) => `- ${note}`),
    ""
  ].join("\n")
}
