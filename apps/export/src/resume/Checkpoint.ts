/**
 * Where a run stands, as it is found again after a crash.
 */
import * as Schema from "effect/Schema"
import { Fingerprint } from "../publish/Account.ts"
import { schemaVersion } from "../publish/Manifest.ts"
import { Selection } from "../settings/Selection.ts"

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

/** Schema for how much of an unfinished file counts. */
export const PartState = Schema.Struct({
  partition: Schema.String,
  rows: Count,
  bytes: Count,
  sha256: Schema.String
})
export type PartState = typeof PartState.Type

/** Schema for what has been learnt of the sessions so far. */
export const Progress = Schema.Struct({
  /** Sessions received, those that were filtered out included. */
  received: Count,
  newestCreatedAt: Schema.optionalKey(Schema.Int),
  oldestOpen: Schema.optionalKey(Schema.Int),
  /** Whether a session without `createdAt`, or with an impossible one, may still change. */
  undatedOpen: Schema.Boolean,
  /** Sessions with a `createdAt` that cannot be true. */
  implausible: Count,
  /** The teams of the sessions. */
  teams: Schema.Array(Schema.String)
})
export type Progress = typeof Progress.Type

/** Schema for what a run fixes when it begins, so that it still holds when it goes on. */
export const Plan = Schema.Struct({
  selection: Selection,
  /** The API key: sessions of two teams must not meet in one file. */
  key: Fingerprint,
  /** The generation that was published when the run began; 0 for none. */
  base: Count,
  sweepReason: Schema.String,
  /** Epoch milliseconds; what is asked of the read itself. */
  readSince: Schema.optionalKey(Schema.Int),
  /** Epoch milliseconds; what is filtered. */
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
  /** What the scan has learned. */
  scan: PartState,
  parts: Schema.Array(PartState),
  /** The rows that are no sessions. */
  quarantine: PartState,
  /** The records of the sessions received. */
  journal: PartState,
  /** The records of where each row is. */
  places: PartState,
  written: Schema.Int
})
export type Checkpoint = typeof Checkpoint.Type

/** Schema for the text of a checkpoint. */
export const CheckpointJson = Schema.fromJsonString(Checkpoint)

const encode = Schema.encodeSync(CheckpointJson)

/** The text of a checkpoint. */
export const toText = (checkpoint: Checkpoint): string => `${encode(checkpoint)}\n`
