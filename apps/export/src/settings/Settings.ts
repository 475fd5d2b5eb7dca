/**
 * Everything that a run is told.
 */
import type * as Duration from "effect/Duration"
import type * as Redacted from "effect/Redacted"
import type { Selection } from "./Selection.ts"

/** The settings of a run. */
export interface Settings {
  /** Where the export is published; created with its parents when it does not exist. */
  readonly directory: string
  readonly selection: Selection
  /** The API key; undefined for what does not talk to the API. */
  readonly key: Redacted.Redacted | undefined
  /** `since` of the selection in epoch milliseconds. */
  readonly since: number | undefined
  /** `until` of the selection in epoch milliseconds. */
  readonly until: number | undefined
  /** Whether the export begins anew, whatever was published. */
  readonly fullRefresh: boolean
  /** How long after a whole read the next one is due; 0 for always, infinite for never. */
  readonly fullEvery: Duration.Duration
  /** The share of the last generation's sessions, 0 to 1, below which nothing is published. */
  readonly minShare: number
  /** Whether fewer sessions are published all the same. */
  readonly allowShrink: boolean
  /** The share of all rows, 0 to 1, that may be no sessions. */
  readonly maxQuarantine: number
  /** Whether an API key that is not recognised is that of the published account. */
  readonly acceptAccountChange: boolean
  /** Whether an export that is not proven complete is a failure. */
  readonly strict: boolean
  /** How many generations stay, at least 2. */
  readonly keep: number
  /** Generations that were finished within this time stay too. */
  readonly keepFor: Duration.Duration
  /** Generations with data after which an incremental run puts the files together; 0 for never. */
  readonly compactAfter: number
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
