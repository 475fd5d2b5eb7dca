/**
 * All settings of a run.
 */
import type { Values } from "@hb-sessions/app-kit/Setting"
import type * as Redacted from "effect/Redacted"
import type { runSettings } from "./runSettings.ts"
import type { Selection } from "./Selection.ts"

/** What a run does as it was given, beside what it exports. */
type Given = Pick<
  Values<typeof runSettings>,
  | "fullRefresh"
  | "fullEvery"
  | "minShare"
  | "allowShrink"
  | "maxQuarantine"
  | "acceptAccountChange"
  | "strict"
  | "keep"
  | "keepFor"
  | "compactAfter"
  | "lookBack"
  | "checkpointEvery"
  | "resumeWithin"
  | "concurrency"
  | "pageSize"
>

/** The settings of a run. */
export interface Settings extends Given {
  readonly selection: Selection
  /** The API key; undefined for commands that do not call the API. */
  readonly key: Redacted.Redacted | undefined
  /** `since` of the selection in epoch milliseconds. */
  readonly since: number | undefined
  /** `until` of the selection in epoch milliseconds. */
  readonly until: number | undefined
  /** The version of this program. */
  readonly version: string
}
