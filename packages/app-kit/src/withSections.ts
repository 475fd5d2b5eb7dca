/**
 * The parts of documents that are made from a program, for tests that compare them and write them.
 */
import type { SettingRow } from "./Setting.ts"

/**
 * The text with each section in its place, which is between `<!-- name:start -->` and `<!-- name:end -->`.
 *
 * Fails when it has no such place.
 */
export const withSections = (text: string, sections: Readonly<Record<string, string>>): string =>
  Object.entries(sections).reduce((before, [name, section]) => {
    const place = new RegExp(`(<!-- ${name}:start -->\\n)[^]*?(<!-- ${name}:end -->)`)
    if (!place.test(before)) throw new Error(`there is no place for ${name}`)
    return before.replace(place, (_, start: string, end: string) => `${start}\n${section.trim()}\n\n${end}`)
  }, text)

/** A table of Markdown. */
export const table = (header: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string =>
  [header, header.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n")

/** A cell with a name, such as that of a variable; empty without one. */
export const inCode = (name: string): string => (name === "" ? "" : `\`${name}\``)

/** The table of settings that are variables. */
export const variablesTable = (rows: ReadonlyArray<SettingRow>): string =>
  table(
    ["variable", "meaning", "default"],
    rows.map(({ default: fallback, meaning, variable }) => [inCode(variable), meaning, fallback])
  )

/** A text without what the formatter decides, to compare it. */
export const plain = (text: string): string => text.replaceAll(/[ \t]+/g, " ").replaceAll(/-{3,}/g, "---")
