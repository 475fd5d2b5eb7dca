/**
 * Results as tables, for the terminal and for RESULTS.md.
 */
import type { Result } from "./Comparison.ts"

/** One part of the report. */
export interface Section {
  readonly name: string
  /** What was done, in one sentence. */
  readonly work: string
  readonly tables: ReadonlyArray<Table>
  readonly claims: ReadonlyArray<Claim>
  /** What one must know to read the numbers. */
  readonly notes?: ReadonlyArray<string>
}

export interface Table {
  readonly columns: ReadonlyArray<string>
  readonly rows: ReadonlyArray<ReadonlyArray<string>>
}

/** Something that is said of the product, and what was measured. */
export interface Claim {
  readonly claim: string
  readonly target: string
  readonly measured: string
  readonly isMet: boolean
  /** Why it is missed; shown when it is. */
  readonly cause?: string | undefined
}

interface ClaimOptions {
  readonly unit?: "×" | ""
  readonly cause?: string
}

/** A target is judged by the number that is shown. */
const shown = (value: number): number => Number(value.toFixed(2))

const makeClaim =
  (sign: string, isMet: (measured: number, target: number) => boolean) =>
  (claim: string, target: number, measured: number, { cause, unit = "×" }: ClaimOptions = {}): Claim => ({
    claim,
    target: `${sign} ${target}${unit}`,
    measured: `${unit === "×" ? measured.toFixed(2) : shown(measured)}${unit}`,
    isMet: isMet(shown(measured), target),
    cause
  })

export const atLeast = makeClaim("≥", (measured, target) => measured >= target)
export const atMost = makeClaim("≤", (measured, target) => measured <= target)
export const above = makeClaim(">", (measured, target) => measured > target)

export const times = (ratio: number): string => `${ratio.toFixed(2)}×`

/** The ratio of a contestant, by how its name begins. */
export const ratioTo = (results: ReadonlyArray<Result>, name: string): number =>
  results.find((result) => result.name.startsWith(name))?.ratio ?? Number.NaN

/** The usual table of a comparison: our speed relative to each contestant's. */
export const comparisonTable = (results: ReadonlyArray<Result>, unit: string): Table => ({
  columns: ["contestant", "ours is as fast", "range", unit],
  rows: results.map(({ cost, highest, lowest, name, ratio }, index) => [
    name,
    index === 0 ? "" : times(ratio),
    index === 0 ? "" : `${times(lowest)} – ${times(highest)}`,
    significant(cost)
  ])
})

/** Three digits that count, without an exponent. */
export const significant = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString("en") : value.toPrecision(3)

const tableText = ({ columns, rows }: Table): string => {
  const line = (cells: ReadonlyArray<string>) => `| ${cells.join(" | ")} |`
  return [line(columns), line(columns.map(() => "---")), ...rows.map(line), ""].join("\n")
}

const verdict = ({ cause, claim, isMet, measured, target }: Claim): string =>
  isMet
    ? `- met: ${claim}: ${measured}, target ${target}.`
    : `- **missed**: ${claim}: ${measured}, target ${target}. ${cause ?? "The cause is not known yet."}`

/** A section as Markdown. */
export const sectionText = ({ claims, name, notes = [], tables, work }: Section): string =>
  [
    `## ${name}`,
    "",
    work,
    "",
    ...tables.map(tableText),
    ...claims.map(verdict),
    ...notes.map((note) => `- ${note}`),
    ""
  ].join("\n")

/** Every claim of the sections in one table. */
export const summaryText = (sections: ReadonlyArray<Section>): string =>
  tableText({
    columns: ["bench", "claim", "target", "measured", ""],
    rows: sections.flatMap(({ claims, name }) =>
      claims.map(({ claim, isMet, measured, target }) => [
        `\`${name}\``,
        claim,
        target,
        measured,
        isMet ? "met" : "**missed**"
      ])
    )
  })
