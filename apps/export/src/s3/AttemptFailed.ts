/**
 * Why an attempt failed, and whether there is another.
 */
import * as Data from "effect/Data"
import type { S3ErrorReason } from "./S3Error.ts"

/** Another attempt may succeed. */
export class Transient extends Data.TaggedError("Transient")<{
  /** What it met, such as `HTTP 503 SlowDown`. */
  readonly detail: string
  /** How long the store asks to wait, in milliseconds. */
  readonly retryAfterMillis?: number | undefined
  readonly requestId?: string | undefined
}> {}

/** There is no other attempt. */
export class Permanent extends Data.TaggedError("Permanent")<{
  readonly reason: S3ErrorReason
  /** The store's word for it; empty where it has none. */
  readonly code?: string | undefined
  readonly requestId?: string | undefined
}> {}

/** Why an attempt failed. */
export type AttemptFailed = Transient | Permanent
