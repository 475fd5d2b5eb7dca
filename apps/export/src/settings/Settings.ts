/**
 * All settings of a run.
 */
import type * as Duration from "effect/Duration"
import type * as Redacted from "effect/Redacted"
import type { Selection } from "./Selection.ts"

/** The settings of a run. */
export interface Settings {
  readonly selection: Selection
  /** The API key; undefined for commands that do not call the API. */
  readonly key: Redacted.Redacted | undefined
  /** `since` of the selection in epoch milliseconds. */
  readonly since: number | undefined
  /** `until` of the selection in epoch milliseconds. */
  readonly until: number | undefined
  /** Whether the export starts over, whatever is published. */
  readonly fullRefresh: boolean
  /** How long after a whole read the next one is due; 0 for always, infinite for never. */
  readonly fullEvery: Duration.Duration
  /** The share of the last generation's sessions, 0 to 1, below which nothing is published. */
  readonly minShare: number
  /** Whether an export that shrank is published anyway. */
  readonly allowShrink: boolean
  /** The share of all rows, 0 to 1, that need not be sessions. */
  readonly maxQuarantine: number
  /** Whether an unrecognised API key is taken to belong to the published account. */
  readonly acceptAccountChange: boolean
  /** Whether an export that is not proven to be complete fails. */
  readonly strict: boolean
  /** Generations to keep, at least 2. */
  readonly keep: number
  /** Generations finished within this time are kept too. */
  readonly keepFor: Duration.Duration
  /** Generations with data after which an incremental run compacts its files; 0 for never. */
  readonly compactAfter: number
  /** How much further back than the bookmark an incremental run reads. */
  readonly lookBack: Duration.Duration
  /** Time between checkpoints; 0 for one after every page. */
  readonly checkpointEvery: Duration.Duration
  /** The age from which a checkpoint is not resumed. */
  readonly resumeWithin: Duration.Duration
  /** Maximum pages in flight; core's default when undefined. */
  readonly concurrency: number | undefined
  /** Sessions a page, sent as `limit`; the server's default when undefined. */
  readonly pageSize: number | undefined
  /** The version of this program. */
  readonly version: string
}
