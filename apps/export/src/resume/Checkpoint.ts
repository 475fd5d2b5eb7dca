/**
 * The state of a run, from which the next one resumes.
 */
import * as Schema from "effect/Schema"
import { Fingerprint } from "../publish/Account.ts"
import { schemaVersion } from "../publish/Manifest.ts"
import { Selection } from "../settings/Selection.ts"

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

/** Schema for the part of an unfinished file that the checkpoint covers. */
export const PartState = Schema.Struct({
  partition: Schema.String,
  rows: Count,
  bytes: Count,
  sha256: Schema.String
})
export type PartState = typeof PartState.Type

/** Schema for what is known of the sessions so far. */
export const Progress = Schema.Struct({
  /** Sessions received, including filtered ones. */
  received: Count,
  newestCreatedAt: Schema.optionalKey(Schema.Int),
  oldestOpen: Schema.optionalKey(Schema.Int),
  /** Whether a session without `createdAt`, or with an impossible one, may still change. */
  undatedOpen: Schema.Boolean,
  /** Sessions with an implausible `createdAt`. */
  implausible: Count,
  /** The teams of the sessions. */
  teams: Schema.Array(Schema.String)
})
export type Progress = typeof Progress.Type

/** Schema for what a run decides when it starts; a resumed run keeps it. */
export const Plan = Schema.Struct({
  selection: Selection,
  /** The API key: sessions of two teams must not meet in one file. */
  key: Fingerprint,
  /** The generation that was published when the run began; 0 for none. */
  base: Count,
  /** Whether the run was started with `--full-refresh`. */
  fullRefresh: Schema.Boolean,
  /** Why the whole list, or only a part of it, is read. */
  scopeReason: Schema.String,
  /** Epoch milliseconds; how far back the list is read. */
  readSince: Schema.optionalKey(Schema.Int),
  /** Epoch milliseconds; the filter. */
  since: Schema.optionalKey(Schema.Int),
  until: Schema.optionalKey(Schema.Int),
  pageSize: Schema.optionalKey(Schema.Int),
  started: Schema.Int,
  resumed: Count
})
export type Plan = typeof Plan.Type

/** Schema for a checkpoint. */
export const Checkpoint = Schema.Struct({
  schemaVersion: Schema.Literal(schemaVersion),
  plan: Plan,
  progress: Progress,
  /** The state of the scan. */
  scan: PartState,
  parts: Schema.Array(PartState),
  /** The rows that are not sessions. */
  quarantine: PartState,
  /** The records of the sessions received. */
  journal: PartState,
  /** Where each row is. */
  places: PartState,
  written: Schema.Int
})
export type Checkpoint = typeof Checkpoint.Type

/** Schema for the text of a checkpoint. */
export const CheckpointJson = Schema.fromJsonString(Checkpoint)

const encode = Schema.encodeSync(CheckpointJson)

/** The text of a checkpoint. */
export const toText = (checkpoint: Checkpoint): string => `${encode(checkpoint)}\n`
