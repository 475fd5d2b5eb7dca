/**
 * Sessions as the text of the files.
 */
import { pathOf } from "@hb-sessions/core/SessionsColumns"
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
  const options = { columns, dialect }
  return { header: SessionsCsv.header(options), encode: SessionsCsv.encodeRows(options) }
}

/** Every key that the API sent, but for secrets. */
const everything = (session: Session): string => SessionsNdjson.encodeSession(withoutSecrets(session))

/** Only the named keys, nested as the API nests them. */
const pick = (columns: ReadonlyArray<string>) => {
  const all = columns.map(pathOf)
  // What is below a named key comes with it.
  const paths = all.filter((path) => !all.some((above) => above.length < path.length && isWithin(path, above)))
  return (session: Session): string => {
    const whole: unknown = SessionsNdjson.toRecord(withoutSecrets(session))
    const picked = emptyTree()
    for (const path of paths) {
      const value = path.reduce(below, whole)
      if (value === undefined) continue
      let into = picked
      for (const key of path.slice(0, -1)) into = into[key] = asTree(into[key]) ?? emptyTree()
      into[path[path.length - 1] ?? ""] = value
    }
    return SessionsNdjson.toJson(picked)
  }
}

const isWithin = (path: ReadonlyArray<string>, above: ReadonlyArray<string>): boolean =>
  above.every((key, depth) => path[depth] === key)

/** The value of a key, but of none that is inherited, nor of a number that is kept as text. */
const below = (value: unknown, key: string): unknown =>
  asTree(value) !== undefined && Object.hasOwn(Object(value), key) && !(Array.isArray(value) && key === "length")
    ? asTree(value)?.[key]
    : undefined

interface Tree {
  [key: string]: unknown
}

/** Without a prototype, since a key may be `__proto__`. */
const emptyTree = (): Tree => Object.create(null)

const asTree = (value: unknown): Tree | undefined => (isTree(value) ? value : undefined)

const isTree = (value: unknown): value is Tree =>
  typeof value === "object" && value !== null && !(value instanceof SessionsNdjson.ExactNumber)

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
