/**
 * The body of an answer that is not a page.
 *
 * Source: the vendor's contract names `message`; the vendor's SDKs also read `error` and `code`.
 */
import * as Schema from "effect/Schema"

/** Schema for an error body; every field may be absent, and unknown keys are kept. */
export const ErrorBody = Schema.StructWithRest(
  Schema.Struct({
    message: Schema.optionalKey(Schema.String)
  }),
  [Schema.Record(Schema.String, Schema.Unknown)]
).annotate({ identifier: "ErrorResponse" })
export type ErrorBody = typeof ErrorBody.Type
