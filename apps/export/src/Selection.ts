/**
 * What is exported, and how it is written: the part of the settings that decides what the files hold.
 */
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

/** Whether two selections are the same. */
export const isSame = Schema.toEquivalence(Selection)
