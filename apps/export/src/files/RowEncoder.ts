/**
 * Encodes sessions as rows, and names their partitions.
 */
import * as SessionsCells from "@hb-sessions/core/SessionsCells"
import { everything } from "@hb-sessions/core/SessionsColumns"
import * as SessionsCsv from "@hb-sessions/core/SessionsCsv"
import { type Session, SessionId } from "@hb-sessions/core/Session"
import * as SessionsNdjson from "@hb-sessions/core/SessionsNdjson"
import { ACCOUNT, type Selection } from "../settings/Selection.ts"
import { toLine } from "./parquetSchema.ts"

/** The encoder of a selection. */
export interface Rows {
  /** The beginning of every file; may be empty. */
  readonly header: string
  /** The lines of the given sessions. */
  readonly encode: (sessions: ReadonlyArray<Session>) => string
}

/** Makes the encoder of a selection. */
export const makeRows = (selection: Selection): Rows => {
  const { account, columns } = selection
  if (account === undefined) return makeOwnRows(selection)
  const rows = makeOwnRows({ ...selection, columns: columns.filter((_, index) => index > 0) })
  // Put before what was encoded: a copy of a session would not hold the values as they were sent.
  const before = prefixes[selection.format](selection, account)
  return {
    header: selection.format === "csv" ? `${ACCOUNT},${rows.header}` : rows.header,
    encode: (sessions) => sessions.map((session) => before(rows.encode([session]))).join("")
  }
}

/** Puts the account before the row of a session, which is a line of text. */
const prefixes: Readonly<
  Record<Selection["format"], (selection: Selection, account: string) => (row: string) => string>
> = {
  csv: ({ dialect }, account) => {
    const options = { columns: [ACCOUNT], dialect }
    const cell = SessionsCsv.encodeRows(options)([{ id: SessionId.make("none"), [ACCOUNT]: account }]).trimEnd()
    return (row) => `${cell},${row}`
  },
  ndjson: (_, account) => {
    const start = `{${JSON.stringify(ACCOUNT)}:${JSON.stringify(account)}`
    return (row) => `${start}${row.startsWith("{}") ? "" : ","}${row.slice(1)}`
  },
  parquet: (_, account) => {
    const start = `[${JSON.stringify(account)},`
    return (row) => `${start}${row.slice(1)}`
  }
}

/** Makes the encoder of what the sessions say. */
const makeOwnRows = ({ columns, dialect, format }: Selection): Rows => {
  if (format === "ndjson") {
    const line = SessionsNdjson.encodeColumns(columns.length === 0 ? [everything] : columns)
    return { header: "", encode: (sessions) => sessions.map((session) => `${line(session)}\n`).join("") }
  }
  if (format === "parquet") {
    const encode = SessionsCells.encode(columns)
    const line = (session: Session) => {
      const { cells, rescued } = encode(session)
      return `${toLine([...cells, rescued ?? null])}\n`
    }
    return { header: "", encode: (sessions) => sessions.map(line).join("") }
  }
  const options = { columns, dialect }
  return { header: SessionsCsv.header(options), encode: SessionsCsv.encodeRows(options) }
}

const QUARTER = 15 * 60_000

/** The years of file names: 1 to 9999. */
const FIRST_YEAR = Date.parse("0001-01-02T00:00:00Z")
const END_OF_YEARS = Date.parse("9999-12-31T00:00:00Z")

/**
 * Makes the function that names the partition of a `createdAt`, epoch milliseconds: `2026-01-31`, `2026-01`, `undated`.
 *
 * Time zones change their offset on quarters of an hour only, so each quarter is looked up once.
 */
export const makePartitionOf = ({
  partition,
  timeZone
}: Pick<Selection, "partition" | "timeZone">): ((createdAt: number | undefined) => string) => {
  if (partition === "none") return () => ""
  const format = new Intl.DateTimeFormat("en-CA", { timeZone, year: "numeric", month: "2-digit", day: "2-digit" })
  const known = new Map<number, string>()
  return (createdAt) => {
    if (createdAt === undefined || createdAt < FIRST_YEAR || createdAt >= END_OF_YEARS) return "undated"
    const quarter = Math.floor(createdAt / QUARTER)
    const found = known.get(quarter)
    if (found !== undefined) return found
    if (known.size > 10_000) known.clear()
    const parts = new Map(format.formatToParts(quarter * QUARTER).map(({ type, value }) => [type, value]))
    const month = `${parts.get("year")?.padStart(4, "0")}-${parts.get("month")}`
    const name = partition === "month" ? month : `${month}-${parts.get("day")}`
    known.set(quarter, name)
    return name
  }
}
