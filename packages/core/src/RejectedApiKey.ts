/**
 * The API key that a server has just rejected.
 */
import * as Context from "effect/Context"
import type * as Redacted from "effect/Redacted"

/**
 * The key that was rejected, while a client asks its `apiKey` for another; undefined otherwise.
 *
 * An effect that keeps what it has read reads again when it would give this key.
 */
export const RejectedApiKey: Context.Reference<Redacted.Redacted | undefined> = Context.Reference(
  "@hb-sessions/core/RejectedApiKey",
  { defaultValue: (): Redacted.Redacted | undefined => undefined }
)
