/**
 * The one file that says what is published. What it does not name does not count.
 */
import { Completeness, ScanReport } from "@hb-sessions/core/ScanReport"
import * as Schema from "effect/Schema"
import { Account } from "./Account.ts"
import { Selection } from "../settings/Selection.ts"

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

/** Schema for a published file that is not data. */
export const StateFile = Schema.Struct({
  path: PublishedFile.fields.path,
  generation: PublishedFile.fields.generation,
  rows: Count.annotateKey({ description: "Lines or records in it" }),
  bytes: Count,
  sha256: Sha256
}).annotate({ identifier: "StateFile" })
export type StateFile = typeof StateFile.Type

/** Schema for where the next incremental run begins. */
export const Bookmark = Schema.Struct({
  newestCreatedAt: Schema.optionalKey(Time).annotateKey({ description: "Absent when no session has been read" }),
  oldestOpen: Schema.optionalKey(Time).annotateKey({
    description: "`createdAt` of the oldest session that may still change; absent when there was none"
  }),
  undatedOpen: Schema.Boolean.annotateKey({
    description: "Whether a session without `createdAt` may still change: then the next run reads the whole list"
  }),
  order: ScanReport.fields.order,
  settledBefore: Schema.optionalKey(Time).annotateKey({
    description:
      "Everything created before then is proven to be written as it will stay, or never to be written. The next run reads back to it, and `--look-back` more; absent: it reads the whole list"
  }),
  unreadable: Schema.optionalKey(Count).annotateKey({
    description: "Rows without a usable id that the list held at the last whole read; absent for none"
  }),
  listed: Schema.optionalKey(Count).annotateKey({
    description:
      "At most so many of the sessions in the index, and of the rows without a usable id, are still in the list; absent when the server tells no total"
  }),
  index: Schema.optionalKey(
    Schema.Struct({
      sessions: Count.annotateKey({ description: "How many they are" }),
      files: Schema.Array(StateFile).annotateKey({
        description: "Oldest first; of a session that is in several of them the last record counts"
      })
    })
  ).annotateKey({
    description:
      "Which sessions of the list are known, those that were filtered out included, and in which state they were written; absent for snapshots"
  })
}).annotate({ identifier: "Bookmark" })
export type Bookmark = typeof Bookmark.Type

/** Schema for what can be said of the whole data, and not only of the last read. */
export const Archive = Schema.Struct({
  completeness: Schema.Literals(["proven", "unproven"]).annotateKey({
    description:
      "`proven`: `wholeRead` was, and the last read, too. Every session that was in the list at that time is in the data, and so is every one that was created since. A change of an old session that `--look-back` does not reach is found by the next whole read"
  }),
  wholeRead: Schema.Struct({
    generation: Count.annotateKey({ description: "The generation that it was read for" }),
    started: Time,
    ended: Time,
    completeness: Completeness
  }).annotateKey({
    description: "The last read of everything that is asked for: the last proven one, or the first where none has been"
  })
}).annotate({ identifier: "Archive" })
export type Archive = typeof Archive.Type

/** Schema for the manifest. */
export const Manifest = Schema.Struct({
  schemaVersion: Schema.Literal(schemaVersion),
  generation: Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)).annotateKey({
    description: "1 for the first, one more with every publication"
  }),
  previous: Schema.optionalKey(Schema.Struct({ generation: Count, sha256: Sha256 })).annotateKey({
    description: "The generation before, and the SHA-256 of its manifest; absent for the first"
  }),
  oldestKept: Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)).annotateKey({
    description: "From this generation on, each has its manifest in its directory, and all files that this names"
  }),
  compacts: Schema.optionalKey(Count).annotateKey({
    description:
      "Present when this generation adds nothing: it is the data of that one, with each session once; what is said of a read was said there"
  }),
  sessions: Count.annotateKey({ description: "Sessions that this generation wrote, or the one that it compacts" }),
  current: Count.annotateKey({
    description: "Different sessions in the whole data, without those that have left"
  }),
  files: Schema.Array(PublishedFile).annotateKey({
    description: "The whole data, oldest first. Of a session that is in several of them the last one counts"
  }),
  tombstones: Schema.Array(StateFile).annotateKey({
    description:
      "Sessions that have left, oldest first, as NDJSON with `id`, `left_at` and `left`: `selection` if the session has another status now, `list` if the API has it no longer. It does not count the rows of that generation and of those before"
  }),
  quarantine: Schema.optionalKey(StateFile).annotateKey({
    description:
      "Rows of the last read that are no sessions, as NDJSON with `reason`, `page`, `index`, `path` and `row`, which is as it was sent, without secrets; absent when there were none"
  }),
  latest: Schema.optionalKey(Schema.String).annotateKey({
    description: "Name beside the manifest of the file that is the whole current data; absent when that is not one file"
  }),
  selection: Selection,
  account: Account,
  completeness: Schema.Literals(["proven", "unproven"]).annotateKey({
    description: "Of what this run read, and of nothing else; see `archive` for the whole"
  }),
  archive: Archive,
  sweep: Schema.Literals(["full", "recent"]).annotateKey({
    description: "`recent`: read newest first until past everything that could have changed"
  }),
  sweepReason: Schema.String.annotateKey({ description: "Why, in a sentence" }),
  resumed: Schema.Int.annotateKey({ description: "How often the run was interrupted and went on" }),
  report: ScanReport,
  columnsLeftOut: Schema.optionalKey(Schema.Array(Schema.String)).annotateKey({
    description:
      "With `selection.columnsAsked`: paths that sessions of the last part of this run had beside the columns, at most 100; absent for none"
  }),
  implausibleTimes: Count.annotateKey({
    description:
      "Sessions received with a `createdAt` before 2000 or more than a year ahead of the server's clock; they are written like all others, and the bookmark does not follow them"
  }),
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

/** All files that a manifest names, those of the index among them. */
export const filesOf = ({
  bookmark,
  files,
  quarantine,
  tombstones
}: Manifest): ReadonlyArray<PublishedFile | StateFile> => [
  ...files,
  ...tombstones,
  ...(quarantine === undefined ? [] : [quarantine]),
  ...(bookmark.index?.files ?? [])
]

const encode = Schema.encodeSync(Manifest)

/** The text of a manifest. */
export const toText = (manifest: Manifest): string => `${JSON.stringify(encode(manifest), undefined, 2)}\n`

/** Epoch milliseconds as a manifest has them. */
export const toTime = (millis: number): string => new Date(millis).toISOString()
