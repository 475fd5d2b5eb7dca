/**
 * What is told behind a whole list, in trailers.
 */
import type { ColumnsReport } from "@hb-sessions/core/ColumnChooser"
import type { ScanReport } from "@hb-sessions/core/ScanReport"

/** Tells behind the body whether it is proven complete: CSV has no other place for it. */
export const completenessTrailer = "hb-sessions-completeness"

/** Tells which of the columns no session had, and which keys `*` does not include. */
export const columnsTrailer = "hb-sessions-columns"

/** The token of a list that was ended before its end. */
export const resumeTrailer = "hb-sessions-resume"

/** As an item of a structured field (RFC 9651). */
export const completeness = ({ completeness: claim }: ScanReport): string =>
  claim.status === "proven" ? `proven; certificate=${claim.certificate}` : `unproven; reason=${claim.reason}`

/** Names that a trailer has; a client takes only so many bytes of them. */
const MOST_NAMES = 20
const LONGEST_NAME = 100

/** As a structured field (RFC 9651): a dictionary of lists of names, in which a list that is cut has `more`. */
export const missing = ({ empty, leftOut }: ColumnsReport): string =>
  [named("empty", empty), named("left-out", leftOut)].filter((text) => text !== "").join(", ")

const named = (key: string, names: ReadonlyArray<string>): string => {
  if (names.length === 0) return ""
  const shown = names.slice(0, MOST_NAMES).map((name) => displayString(name.slice(0, LONGEST_NAME).toWellFormed()))
  return `${key}=(${shown.join(" ")})${names.length > MOST_NAMES ? ";more" : ""}`
}

/** A string of any characters: `%"caf%c3%a9"`. */
const displayString = (text: string): string =>
  `%"${encodeURIComponent(text).replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase())}"`
