/**
 * The failure of a lookup.
 */
import * as Schema from "effect/Schema"

/** No session has the id, as far as the list tells. */
export class SessionNotFound extends Schema.TaggedError<SessionNotFound>()("SessionNotFound", {
  /** Whether the read proves that the session was not there all the time. */
  isProven: Schema.Boolean
}) {}
