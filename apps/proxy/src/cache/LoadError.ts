/**
 * Why there is no answer that could be kept.
 */
import { SessionsError } from "@hb-sessions/core/SessionsError"
import * as Schema from "effect/Schema"
import type { FailureKind, Failures } from "./ByteCache.ts"
import { SessionNotFound } from "../routes/SessionNotFound.ts"
import * as Upstream from "../upstream/Upstream.ts"

const LoadError = Schema.Union([SessionsError, SessionNotFound])

/** A failure of the upstream, or what a whole list does not hold. */
export type LoadError = typeof LoadError.Type

/** What is worth an old answer, what is worth remembering, and what is neither. */
const kindOf = (error: LoadError): FailureKind => {
  if (error._tag === "SessionNotFound") return "negative"
  if (error.reason._tag === "InvalidRequest") return "negative"
  return Upstream.isOutage(error) ? "outage" : "other"
}

const Text = Schema.fromJsonString(LoadError)

/** How the cache treats failures. */
export const failures: Failures<LoadError> = {
  kindOf,
  encode: Schema.encodeSync(Text),
  decode: Schema.decodeSync(Text)
}
