/**
 * Everything that a run is told.
 */
import type * as Duration from "effect/Duration"
import type { Selection } from "./Selection.ts"

/** The settings of a run. */
export interface Settings {
  /** Where the export is published; created with its parents when it does not exist. */
  readonly directory: string
  readonly selection: Selection
  /** Digest of the API key. */
  readonly account: string
  /** `since` of the selection in epoch milliseconds. */
  readonly since: number | undefined
  /** `until` of the selection in epoch milliseconds. */
  readonly until: number | undefined
  /** Whether an incremental export begins anew. */
  readonly fullRefresh: boolean
  /** Whether an export that is not proven complete is a failure. */
  readonly strict: boolean
  /** How many generations stay, at least 1. */
  readonly keep: number
  /** How far before everything that could have changed an incremental run reads. */
  readonly lookBack: Duration.Duration
  /** How much work a crash can cost; 0 for a checkpoint after every page. */
  readonly checkpointEvery: Duration.Duration
  /** The age from which on a checkpoint is not gone on with. */
  readonly resumeWithin: Duration.Duration
  /** The silence after which a run that holds the directory is taken for stopped. */
  readonly takeOverAfter: Duration.Duration
  /** Most pages in flight; the default of core when undefined. */
  readonly concurrency: number | undefined
  /** Sessions a page, sent as `limit`; the server's default when undefined. */
  readonly pageSize: number | undefined
  /** The version of this program. */
  readonly version: string
}
