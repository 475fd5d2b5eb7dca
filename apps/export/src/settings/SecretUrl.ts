/**
 * URLs that grant what they are for to all who know them, such as those of heartbeats and of chat webhooks: no log, error
 * or metric shows them.
 */
import { HttpUrlText } from "@hb-sessions/core/SettingText"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"

/** A URL that is not shown. */
export type SecretUrl = Redacted.Redacted<URL>

/** Schema for one http or https URL. */
export const SecretUrlText = Schema.RedactedFromValue(HttpUrlText)
