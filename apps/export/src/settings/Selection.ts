/**
 * What is exported, and how it is written: the part of the settings that decides what the files hold.
 */
import * as SessionsCsv from "@hb-sessions/core/SessionsCsv"
import * as Schema from "effect/Schema"

/** The ways to decide which sessions a generation holds. */
export const modes = ["snapshot", "incremental"] as const

/** The formats of the files. */
export const formats = ["csv", "ndjson"] as const

/** The compressions of the files. */
export const compressions = ["none", "gzip", "zstd"] as const

/** How text cells of CSV are written. */
export const dialects = ["plain", "spreadsheet"] as const

/** How sessions are divided among files. */
export const partitions = ["none", "day", "month"] as const

/** Schema for what decides the content; two runs with equal selections write the same of the same sessions. */
export const Selection = Schema.Struct({
  mode: Schema.Literals(modes).annotateKey({
    description: "`snapshot`: all sessions. `incremental`: those new or changed since the generation before"
  }),
  format: Schema.Literals(formats),
  compress: Schema.Literals(compressions),
  columns: Schema.Array(Schema.String).annotateKey({
    description: "In the order of the file; empty for NDJSON with every key that the API sent"
  }),
  columnsAsked: Schema.optionalKey(Schema.Array(Schema.String)).annotateKey({
    description: "What was asked for where that holds `*`, for which `columns` has what it stands for; else absent"
  }),
  dialect: Schema.Literals(dialects).annotateKey({
    description: "`spreadsheet`: text that a spreadsheet would run as a formula begins with an apostrophe"
  }),
  partition: Schema.Literals(partitions).annotateKey({ description: "One file a day or a month of `createdAt`" }),
  timeZone: Schema.String.annotateKey({ description: "In which days and months are counted, as IANA names it" }),
  status: Schema.Array(Schema.String).annotateKey({ description: "Only sessions in these; empty for all" }),
  since: Schema.optionalKey(Schema.String).annotateKey({
    description: "Only sessions created then or later, as it was given"
  }),
  until: Schema.optionalKey(Schema.String).annotateKey({
    description: "Only sessions created before then, as it was given"
  }),
  server: Schema.String.annotateKey({ description: "Where the API is served" })
}).annotate({ identifier: "Selection" })
export type Selection = typeof Selection.Type

const equal = Schema.toEquivalence(Selection)

/** Whether two selections are the same; what `*` stands for in one of them is no difference. */
export const isSame = (decided: Selection, given: Selection): boolean => equal(decided, decidedAs(given, decided))

/** The given selection, with the columns that were decided when the same was asked before. */
export const decidedAs = (given: Selection, decided: Selection): Selection =>
  given.columnsAsked !== undefined && given.columnsAsked.join() === decided.columnsAsked?.join()
    ? { ...given, columns: decided.columns }
    : given

/** One setting with two values. */
export interface Difference {
  readonly name: string
  readonly was: string
  readonly is: string
}

/** Where each part of a selection is given. */
const givenAs: Readonly<Record<Exclude<keyof Selection, "columnsAsked">, string>> = {
  mode: "--mode",
  format: "--format",
  compress: "--compress",
  columns: "--columns",
  dialect: "--dialect",
  partition: "--partition",
  timeZone: "--tz",
  status: "--status",
  since: "--since",
  until: "--until",
  server: "HYPERBROWSER_BASE_URL"
}

const parts: ReadonlyArray<keyof typeof givenAs> = [
  "mode",
  "server",
  "status",
  "since",
  "until",
  "format",
  "compress",
  "columns",
  "dialect",
  "partition",
  "timeZone"
]

/** What the next snapshot may not change; it holds all of the rest again, in its new form. */
const fixedInSnapshots: ReadonlySet<keyof Selection> = new Set(["mode", "server", "status"] as const)

/**
 * In what a selection differs from the published one that must not change.
 *
 * **Details**
 *
 * Of an incremental export nothing may change, since old and new files are read together; only the time zone may where
 * nothing is divided by days. A snapshot may take another form and another span of time, as the list is read again
 * anyhow; but it stays one of the same server, and of the same statuses.
 */
export const differences = (published: Selection, given: Selection): ReadonlyArray<Difference> => {
  const isIncremental = published.mode === "incremental" || given.mode === "incremental"
  return parts
    .filter((part) => isIncremental || fixedInSnapshots.has(part))
    .filter((part) => part !== "timeZone" || published.partition !== "none" || given.partition !== "none")
    .map((part) => ({ name: givenAs[part], was: valueOf(published, part), is: valueOf(given, part) }))
    .filter(({ is, was }) => is !== was)
}

const valueOf = (selection: Selection, part: keyof typeof givenAs): string => {
  const value = part === "columns" ? (selection.columnsAsked ?? selection.columns) : selection[part]
  if (value === undefined) return "none"
  if (typeof value === "string") return value
  return value.length === 0 ||
    (part === "columns" && value.length === SessionsCsv.columns.length && value.join() === SessionsCsv.columns.join())
    ? "all"
    : value.join(",")
}
