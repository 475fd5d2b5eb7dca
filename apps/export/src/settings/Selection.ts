/**
 * The selection: which sessions are exported and how they are written.
 */
import * as SessionsCsv from "@hb-sessions/core/SessionsCsv"
import * as Schema from "effect/Schema"

/** Which sessions a generation holds. */
export const modes = ["snapshot", "incremental"] as const

/** The formats of the files. */
export const formats = ["csv", "ndjson", "parquet"] as const

/** The compressions of the files; `snappy` is for Parquet only. */
export const compressions = ["none", "gzip", "zstd", "snappy"] as const

/** How text cells of CSV are written. */
export const dialects = ["plain", "spreadsheet"] as const

/** How sessions are divided among files. */
export const partitions = ["none", "day", "month"] as const

/** Schema for the settings that decide the content of the files. */
export const Selection = Schema.Struct({
  mode: Schema.Literals(modes).annotateKey({
    description: "`snapshot`: all sessions. `incremental`: sessions new or changed since the previous generation"
  }),
  format: Schema.Literals(formats),
  compress: Schema.Literals(compressions).annotateKey({
    description: "Of the whole file; with `parquet`, of the pages in it"
  }),
  columns: Schema.Array(Schema.String).annotateKey({
    description: "In file order; empty for NDJSON with every key that the API sent"
  }),
  columnsAsked: Schema.optionalKey(Schema.Array(Schema.String)).annotateKey({
    description: "The columns as given when they contain `*`, which `columns` has expanded; absent otherwise"
  }),
  dialect: Schema.Literals(dialects).annotateKey({
    description: "`spreadsheet`: text that a spreadsheet would run as a formula is prefixed with an apostrophe"
  }),
  partition: Schema.Literals(partitions).annotateKey({ description: "One file per day or month of `createdAt`" }),
  timeZone: Schema.String.annotateKey({ description: "IANA time zone of days and months" }),
  status: Schema.Array(Schema.String).annotateKey({ description: "Only sessions with these statuses; empty for all" }),
  since: Schema.optionalKey(Schema.String).annotateKey({
    description: "Only sessions created at or after this time, as given"
  }),
  until: Schema.optionalKey(Schema.String).annotateKey({
    description: "Only sessions created before this time, as given"
  }),
  server: Schema.String.annotateKey({ description: "Base URL of the API" }),
  account: Schema.optionalKey(Schema.String).annotateKey({
    description: "Name of the account in the column `account`; absent if there is no such column"
  })
}).annotate({ identifier: "Selection" })
export type Selection = typeof Selection.Type

const equal = Schema.toEquivalence(Selection)

/** The column of the account's name. */
export const ACCOUNT = "account"

/** Whether two selections are the same; the expansion of `*` makes no difference. */
export const isSame = (decided: Selection, given: Selection): boolean => equal(decided, decidedAs(given, decided))

/** The given selection, with the columns that the same `*` was expanded to before. */
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

/** The flag or variable of each part of a selection. */
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
  server: "HYPERBROWSER_BASE_URL",
  account: "--account-column"
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
  "timeZone",
  "account"
]

/** What the next snapshot may not change; it writes everything else anew. */
const fixedInSnapshots: ReadonlySet<keyof Selection> = new Set(["mode", "server", "status"] as const)

/**
 * The settings that differ from the published selection and must not change.
 *
 * **Details**
 *
 * Nothing of an incremental export may change, since old and new files are read together, except the time zone when
 * the files are not partitioned. A snapshot may change its format and its time range, since it reads the list again, but
 * not its server or its statuses.
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
