/**
 * The manifest: the file that names everything published. Readers ignore what it does not name.
 */
import { Completeness, ScanReport } from "@hb-sessions/core/ScanReport"
import * as Schema from "effect/Schema"
import { Account } from "./Account.ts"
import { Selection } from "../settings/Selection.ts"

/** The version of the manifest schema that this program writes, and the only one that it reads. */
export const schemaVersion = 1

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
const Sha256 = Schema.String.check(Schema.isPattern(/^[0-9a-f]{64}$/))
const Time = Schema.String.annotate({ format: "date-time" })

/** Schema for one file of the data. */
export const PublishedFile = Schema.Struct({
  path: Schema.String.annotateKey({ description: "Relative to the directory of the manifest, with forward slashes" }),
  generation: Count.annotateKey({ description: "Generation that wrote the file" }),
  partition: Schema.optionalKey(Schema.String).annotateKey({
    description: "The day or month, or `undated`; absent if the data is not partitioned"
  }),
  rows: Count.annotateKey({ description: "Sessions in the file, without the header" }),
  bytes: Count,
  sha256: Sha256
}).annotate({ identifier: "PublishedFile" })
export type PublishedFile = typeof PublishedFile.Type

/** Schema for a published file other than data. */
export const StateFile = Schema.Struct({
  path: PublishedFile.fields.path,
  generation: PublishedFile.fields.generation,
  rows: Count.annotateKey({ description: "Lines or records in the file" }),
  bytes: Count,
  sha256: Sha256
}).annotate({ identifier: "StateFile" })
export type StateFile = typeof StateFile.Type

/** Schema for the bookmark: how far back the next incremental run reads. */
export const Bookmark = Schema.Struct({
  newestCreatedAt: Schema.optionalKey(Time).annotateKey({ description: "Absent if no session has been read" }),
  oldestOpen: Schema.optionalKey(Time).annotateKey({
    description: "`createdAt` of the oldest session that may still change; absent for none"
  }),
  undatedOpen: Schema.Boolean.annotateKey({
    description:
      "Whether a session without a usable `createdAt` may still change; if so, the next run reads the whole list"
  }),
  order: ScanReport.fields.order,
  finalBefore: Schema.optionalKey(Time).annotateKey({
    description:
      "All sessions created before this time are final: written in their last state, or filtered out. The next run reads back to it, and further by `--look-back`; absent: it reads the whole list"
  }),
  unreadable: Schema.optionalKey(Count).annotateKey({
    description: "Rows without a usable id in the list at the last whole read; absent for none"
  }),
  listed: Schema.optionalKey(Count).annotateKey({
    description:
      "Upper bound of how many sessions of the index and rows without a usable id are still in the list; absent if the server sends no total"
  }),
  index: Schema.optionalKey(
    Schema.Struct({
      sessions: Count.annotateKey({ description: "Number of sessions in the index" }),
      files: Schema.Array(StateFile).annotateKey({
        description: "Oldest first; for a session in several files, the last record counts"
      })
    })
  ).annotateKey({
    description:
      "The known sessions of the list, including filtered ones, and the state in which each was written; absent for snapshots"
  })
}).annotate({ identifier: "Bookmark" })
export type Bookmark = typeof Bookmark.Type

/** Schema for the completeness of the whole data, as opposed to that of the last read. */
export const Archive = Schema.Struct({
  completeness: Schema.Literals(["proven", "unproven"]).annotateKey({
    description:
      "`proven` if both `wholeRead` and the last read are proven: every session in the list at that time is in the data, and every session created since. Changes of old sessions beyond `--look-back` are found by the next whole read"
  }),
  wholeRead: Schema.Struct({
    generation: Count.annotateKey({ description: "Generation of that read" }),
    started: Time,
    ended: Time,
    completeness: Completeness
  }).annotateKey({
    description: "The last proven read of the whole list, or the first one if none was proven"
  })
}).annotate({ identifier: "Archive" })
export type Archive = typeof Archive.Type

/** Schema for the manifest. */
export const Manifest = Schema.Struct({
  schemaVersion: Schema.Literal(schemaVersion),
  generation: Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)).annotateKey({
    description: "1 for the first, incremented with every publication"
  }),
  previous: Schema.optionalKey(Schema.Struct({ generation: Count, sha256: Sha256 })).annotateKey({
    description: "The previous generation and the SHA-256 of its manifest; absent for the first"
  }),
  oldestKept: Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)).annotateKey({
    description:
      "The oldest generation that is kept: each from here on has its manifest in its directory, and all files that it names"
  }),
  compacts: Schema.optionalKey(Count).annotateKey({
    description:
      "Present if this generation only compacts that one: the same data, with each session once. Fields about the read are copied from there"
  }),
  sessions: Count.annotateKey({ description: "Sessions written by this generation, or by the one that it compacts" }),
  current: Count.annotateKey({
    description: "Distinct sessions in the whole data, without those that have left"
  }),
  files: Schema.Array(PublishedFile).annotateKey({
    description: "The whole data, oldest first. For a session in several files, the last row counts"
  }),
  tombstones: Schema.Array(StateFile).annotateKey({
    description:
      "Sessions that have left, oldest first, as NDJSON with `id`, `left_at` and `left`: `selection` if the session no longer has a selected status, `list` if the API no longer lists it. A tombstone voids the rows of its session in its own and earlier generations"
  }),
  quarantine: Schema.optionalKey(StateFile).annotateKey({
    description:
      "Rows of the last read that are not sessions, as NDJSON with `reason`, `page`, `index`, `path` and `row` (as sent, without secrets); absent for none"
  }),
  latest: Schema.optionalKey(Schema.String).annotateKey({
    description: "Name of the file beside the manifest with the whole current data; absent if that is several files"
  }),
  selection: Selection,
  account: Account,
  completeness: Schema.Literals(["proven", "unproven"]).annotateKey({
    description: "Completeness of what this run read; see `archive` for the whole data"
  }),
  archive: Archive,
  scope: Schema.Literals(["full", "recent"]).annotateKey({
    description: "`full`: the whole list was read; `recent`: only the newest part, back to the bookmark or `--since`"
  }),
  scopeReason: Schema.String.annotateKey({ description: "Why this scope was read, for people" }),
  resumed: Schema.Int.annotateKey({ description: "How often the run was resumed" }),
  report: ScanReport,
  columnsLeftOut: Schema.optionalKey(Schema.Array(Schema.String)).annotateKey({
    description:
      "With `selection.columnsAsked`: paths without a column that sessions of the last part of this run had, at most 100; absent for none"
  }),
  implausibleTimes: Count.annotateKey({
    description:
      "Sessions received with a `createdAt` before 2000 or more than a year ahead of the server's clock; they are written, but do not move the bookmark"
  }),
  bookmark: Bookmark,
  started: Time,
  ended: Time,
  version: Schema.String.annotateKey({ description: "Version of hb-sessions-export that wrote this manifest" })
}).annotate({ identifier: "Manifest" })
export type Manifest = typeof Manifest.Type

/** Schema for the text of a manifest. */
export const ManifestJson = Schema.fromJsonString(Manifest)

/** Schema for the part common to all versions of a manifest or checkpoint. */
export const Versioned = Schema.fromJsonString(Schema.Struct({ schemaVersion: Schema.Int }))

/** All files that a manifest names, including those of the index. */
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

/**
 * The files of earlier generations that the kept ones need.
 *
 * A file that one manifest does not name is not named by later ones either, so the oldest kept manifest names all of them.
 */
export const neededPaths = (manifest: Manifest, oldest: Manifest): ReadonlySet<string> =>
  new Set([...filesOf(oldest), ...filesOf(manifest)].map(({ path }) => path))

const encode = Schema.encodeSync(Manifest)

/** The text of a manifest. */
export const toText = (manifest: Manifest): string => `${JSON.stringify(encode(manifest), undefined, 2)}\n`

/** Epoch milliseconds in the format of a manifest. */
export const toTime = (millis: number): string => new Date(millis).toISOString()
