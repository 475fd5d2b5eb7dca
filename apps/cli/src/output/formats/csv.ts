/**
 * Sessions as CSV (RFC 4180), and as tab-separated values.
 */
import * as SessionsCsv from "@hb-sessions/core/SessionsCsv"
import type { MakeEncoder } from "./Encoder.ts"
import { fieldOf, textOf } from "./fields.ts"

/** The header comes first, even without sessions, unless an earlier output is continued. */
const withHeader = (header: string, isContinued: boolean, rows: ReturnType<typeof SessionsCsv.encodeRows>) => {
  let head = isContinued ? "" : header
  const take = () => {
    const text = head
    head = ""
    return text
  }
  return { rows: (sessions: Parameters<typeof rows>[0]) => take() + rows(sessions), end: take }
}

export const csv: MakeEncoder = ({ columns, dialect, isContinued }) =>
  withHeader(SessionsCsv.header({ columns, dialect }), isContinued, SessionsCsv.encodeRows({ columns, dialect }))

/** Readers of text files reject NUL and half of a surrogate pair. */
const readable = (text: string): string => text.replaceAll("\0", "\uFFFD").toWellFormed()

const escapes: Readonly<Record<string, string>> = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" }

/** Cells have no quotes, so a tab, a line break and a backslash are written as `\t`, `\n`, `\r` and `\\`. */
export const tsv: MakeEncoder = ({ columns = SessionsCsv.columns, isContinued }) => {
  const fields = columns.map(fieldOf)
  return withHeader(lineOf(columns), isContinued, (sessions) =>
    sessions.map((session) => lineOf(fields.map((read) => textOf(read(session))))).join("")
  )
}

const lineOf = (cells: ReadonlyArray<string>): string =>
  `${cells.map((cell) => readable(cell).replace(/[\\\t\n\r]/g, (character) => escapes[character] ?? "")).join("\t")}\n`
