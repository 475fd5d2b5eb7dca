/**
 * Points in time as the API writes them, read as epoch milliseconds.
 *
 * The contract knows two spellings: ISO 8601 text (`createdAt`, `updatedAt`) and epoch milliseconds as text
 * (`startTime`, `endTime`). The vendor's SDKs also declare numbers for the latter. Both schemas here read every
 * spelling and write the one that the contract gives the field.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaIssue from "effect/SchemaIssue"

/** Largest distance from the epoch, in milliseconds, that a JavaScript `Date` can hold. */
const MAX_EPOCH_MILLIS = 8.64e15

const EPOCH_MILLIS_TEXT = /^-?\d{1,16}$/
const ISO_8601 = /^[+-]?\d{4,6}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?(Z|[+-]\d{2}:?\d{2})?$/i

/**
 * Reads a timestamp in any spelling that the API uses; `NaN` when it is none of them.
 *
 * **Details**
 *
 * Accepts epoch milliseconds as a number or as decimal text, and ISO 8601 with or without milliseconds, with an
 * offset, `Z` or neither (read as UTC). Digits below a millisecond are dropped.
 */
export const toEpochMillis = (input: string | number): number => {
  const millis = typeof input === "number" ? input : fromText(input)
  return Math.abs(millis) <= MAX_EPOCH_MILLIS ? Math.trunc(millis) + 0 : Number.NaN
}

const fromText = (input: string): number => {
  if (EPOCH_MILLIS_TEXT.test(input)) return Number(input)
  const iso = ISO_8601.exec(input)
  if (iso === null) return Number.NaN
  const zoned = iso[1] !== undefined || !/[T ]/i.test(input)
  return Date.parse(zoned ? input : `${input}Z`)
}

const decode = SchemaGetter.transformEffect((input: string | number, options: SchemaAST.ParseOptions) => {
  const millis = toEpochMillis(input)
  return Number.isNaN(millis)
    ? Effect.fail(
        new SchemaIssue.InvalidValue({ expected: "a timestamp: ISO 8601 or epoch milliseconds" }, input, options)
      )
    : Effect.succeed(millis)
})

const EpochMillis = Schema.Int.check(
  Schema.isGreaterThanOrEqualTo(-MAX_EPOCH_MILLIS),
  Schema.isLessThanOrEqualTo(MAX_EPOCH_MILLIS)
)

/** Schema for `startTime` and `endTime`: epoch milliseconds (UTC), written as decimal text. */
export const TimestampMillis = Schema.Union([
  Schema.String.annotate({ format: "timestamp-milliseconds" }),
  Schema.Finite
]).pipe(
  Schema.decodeTo(EpochMillis, {
    decode,
    encode: SchemaGetter.transform((millis: number): string | number => String(millis))
  })
)

/** Schema for `createdAt` and `updatedAt`: epoch milliseconds (UTC), written as ISO 8601 with milliseconds and `Z`. */
export const TimestampIso = Schema.Union([Schema.String.annotate({ format: "iso8601" }), Schema.Finite]).pipe(
  Schema.decodeTo(EpochMillis, {
    decode,
    encode: SchemaGetter.transform((millis: number): string | number => new Date(millis).toISOString())
  })
)
