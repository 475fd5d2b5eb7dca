/**
 * Where a read stands, as text to keep and to begin another read with.
 *
 * Opaque to callers: made by `Sessions.pages`, read by the option `from`. What a resumed read promises is told there.
 */
import * as Schema from "effect/Schema"

/** Schema for a resume token: ASCII without white space, at most 2,048 characters. */
export const ResumeToken = Schema.NonEmptyString.pipe(Schema.brand("ResumeToken"))
export type ResumeToken = typeof ResumeToken.Type
