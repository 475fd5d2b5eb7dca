/**
 * What `GET /usage` answers: who used what since the server started.
 */
import * as Schema from "effect/Schema"

const Count = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))

/** What a token used, or all that have no line of their own: `other`. */
export const TokenUse = Schema.Struct({
  token: Schema.String,
  account: Schema.optionalKey(Schema.String),
  requests: Count,
  /** The requests by how they ended. */
  outcomes: Schema.Record(Schema.String, Count),
  /** Of bodies that were sent. */
  bytes: Count,
  cacheHits: Count,
  /** That it caused, retries included. */
  upstreamRequests: Count,
  /** For turns at the upstream. */
  waitingSeconds: Count,
  lastUsed: Schema.String
})
export type TokenUse = typeof TokenUse.Type

export const UsageReport = Schema.Struct({
  /** When the server started. */
  since: Schema.String,
  tokens: Schema.Array(TokenUse)
})
export type UsageReport = typeof UsageReport.Type
