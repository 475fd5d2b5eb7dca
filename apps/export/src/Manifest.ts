/**
 * The one file that says what is published. What it does not name does not count.
 */
import { SweepReport } from "@hb-sessions/core/SweepReport"
import * as Schema from "effect/Schema"
import { Selection } from "./Selection.ts"

/** The version of the manifest's form that this program writes, and the only one that it reads. */
export const schemaVersion = 1

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
const Sha256 = Schema.String.check(Schema.isPattern(/^[0-9a-f]{64}$/))
const Time = Schema.String.annotate({ format: "date-time" })

/** Schema for one file of the data. */
export const PublishedFile = Schema.Struct({
  path: Schema.String.annotateKey({ description: "Below the directory of the manifest, with forward slashes" }),
  generation: Count.annotateKey({ description: "The generation that wrote it" }),
  partition: Schema.optionalKey(Schema.String).annotateKey({
    description: "The day or month, or `undated`; absent when the data is not divided"
  }),
  rows: Count.annotateKey({ description: "Sessions in it; a header does not count" }),
  bytes: Count,
  sha256: Sha256
}).annotate({ identifier: "PublishedFile" })
export type PublishedFile = typeof PublishedFile.Type

/** Schema for where the next incremental run begins. */
export const Bookmark = Schema.Struct({
  newestCreatedAt: Schema.optionalKey(Time).annotateKey({ description: "Absent when no session has been read" }),
  oldestOpen: Schema.optionalKey(Time).annotateKey({
    description: "`createdAt` of the oldest session that may still change; absent when there was none"
  }),
  undatedOpen: Schema.Boolean.annotateKey({
    description: "Whether a session without `createdAt` may still change: then the next run reads the whole list"
  }),
  order: SweepReport.fields.order,
  index: Schema.optionalKey(
    Schema.Struct({ path: Schema.String, sessions: Count, bytes: Count, sha256: Sha256 })
  ).annotateKey({ description: "Which sessions have been written, and in which state; absent for snapshots" })
}).annotate({ identifier: "Bookmark" })
export type Bookmark = typeof Bookmark.Type

/** Schema for the manifest. */
export const Manifest = Schema.Struct({
  schemaVersion: Schema.Literal(schemaVersion),
  generation: Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)).annotateKey({
    description: "1 for the first, one more with every publication"
  }),
  sessions: Count.annotateKey({ description: "Sessions that this generation wrote" }),
  files: Schema.Array(PublishedFile).annotateKey({
    description: "The whole data, oldest first. Of a session that is in several of them the last one counts"
  }),
  latest: Schema.optionalKey(Schema.String).annotateKey({
    description: "Name of the file for people beside the manifest; absent when the data is divided"
  }),
  selection: Selection,
  completeness: Schema.Literals(["proven", "unproven"]),
  sweep: Schema.Literals(["full", "recent"]).annotateKey({
    description: "`recent`: read newest first until past everything that could have changed"
  }),
  sweepReason: Schema.String.annotateKey({ description: "Why, in a sentence" }),
  resumed: Schema.Int.annotateKey({ description: "How often the run was interrupted and went on" }),
  report: SweepReport,
  bookmark: Bookmark,
  started: Time,
  ended: Time,
  version: Schema.String.annotateKey({ description: "Of the program that wrote it" })
}).annotate({ identifier: "Manifest" })
export type Manifest = typeof Manifest.Type

/** Schema for the text of a manifest. */
export const ManifestJson = Schema.fromJsonString(Manifest)

/** Schema for what every version of a manifest or checkpoint has. */
export const Versioned = Schema.fromJsonString(Schema.Struct({ schemaVersion: Schema.Int }))

const encode = Schema.encodeSync(Manifest)

/** The text of a manifest. */
export const toText = (manifest: Manifest): string => `${JSON.stringify(encode(manifest), undefined, 2)}\n`
