/**
 * Sessions as the text of the files.
 */
import * as SessionsCsv from "@hb-sessions/core/SessionsCsv"
import { withoutSecrets } from "@hb-sessions/core/secretKeys"
import type { Session } from "@hb-sessions/core/Session"
import * as SessionsNdjson from "@hb-sessions/core/SessionsNdjson"
import type { Selection } from "../settings/Selection.ts"

/** How one selection is written. */
export interface Rows {
  /** What every file begins with; may be empty. */
  readonly header: string
  /** The lines of the given sessions. */
  readonly encode: (sessions: ReadonlyArray<Session>) => string
}

/** Makes the encoder of a selection. */
export const makeRows = ({ columns, dialect, format }: Selection): Rows => {
  if (format === "ndjson") {
    const line = columns.length === 0 ? everything : pick(columns)
    return { header: "", encode: (sessions) => sessions.map((session) => `${line(session)}\n`).join("") }
  }
  const names = SessionsCsv.columns.filter((name) => columns.includes(name))
  const options = { columns: names.toSorted((a, b) => columns.indexOf(a) - columns.indexOf(b)), dialect }
  return { header: SessionsCsv.header(options), encode: SessionsCsv.encodeRows(options) }
}

/** Every key that the API sent, but for secrets. */
const everything = (session: Session): string => SessionsNdjson.encodeSession(withoutSecrets(session))

/** Only the named keys, nested as the API nests them. */
const pick = (columns: ReadonlyArray<string>) => {
  const paths = columns.map((column) => column.split("."))
  return (session: Session): string => {
    const whole: unknown = SessionsNdjson.toRecord(withoutSecrets(session))
    const picked: Tree = {}
    for (const path of paths) {
      let from = whole
      let into = picked
      for (const [depth, key] of path.entries()) {
        if (!isTree(from) || from[key] === undefined) break
        from = from[key]
        if (depth === path.length - 1) {
          into[key] = from
        } else {
          const below = into[key] ?? {}
          into[key] = below
          if (isTree(below)) into = below
        }
      }
    }
    return SessionsNdjson.toJson(picked)
  }
}

interface Tree {
  [key: string]: unknown
}

const isTree = (value: unknown): value is Tree => typeof value === "object" && value !== null

const QUARTER = 15 * 60_000

/** Years that a file name can hold: 1 to 9999. */
const FIRST_YEAR = Date.parse("0001-01-02T00:00:00Z")
const END_OF_YEARS = Date.parse("9999-12-31T00:00:00Z")

/**
 * Makes the function that names the partition of a `createdAt`, epoch milliseconds: `2026-01-31`, `2026-01`, `undated`.
 *
 * No time zone changes its offset but on a quarter of an hour, so each is looked up once.
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
