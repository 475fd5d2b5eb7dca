/**
 * Points in time as the API writes them, read as epoch milliseconds.
 *
 * The contract knows two spellings: ISO 8601 text (`createdAt`, `updatedAt`) and epoch milliseconds as text
 * (`startTime`, `endTime`). The vendor's SDKs also declare numbers for the latter, and databases have forms of their own.
 * Both schemas here read every spelling and write the one that the contract gives the field.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaIssue from "effect/SchemaIssue"

/** Largest distance from the epoch, in milliseconds, that a JavaScript `Date` can hold. */
const MAX_EPOCH_MILLIS = 8.64e15

const EPOCH_MILLIS_TEXT = /^-?\d{1,16}(?:\.\d+)?$/
const DATE = /^[+-]?\d{4,6}-\d{2}-\d{2}$/
const DATE_TIME = /^([+-]?\d{4,6}-\d{2}-\d{2})[T ](\d{2}:\d{2})(?::(\d{2})(?:[.,](\d+))?)? ?(.*)$/i
const BASIC_DATE_TIME = /^(\d{4})(\d{2})(\d{2})T?(\d{2})(\d{2})(\d{2})?(?:[.,](\d+))?(Z|[+-]\d{2}:?\d{2}|[+-]\d{2})$/i
const OFFSET = /^([+-])(\d{2})(?::?(\d{2})(?::?(\d{2}))?)?$/
const MAIL_DATE = /^(?:[A-Z][a-z]{2}, )?\d{1,2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}(?::\d{2})? (?:GMT|UTC|[+-]\d{4})$/

/**
 * Reads a timestamp in any spelling that names one instant; `NaN` when it is none of them.
 *
 * **Details**
 *
 * Accepts epoch milliseconds as a number or as decimal text; ISO 8601, with `T` or a space, with any number of decimals,
 * with an offset (`Z`, `UTC`, `+00`, `+0000`, `+00:00`) or without one (read as UTC), as PostgreSQL writes it too; and
 * the dates of HTTP and of mail. Digits below a millisecond are dropped.
 */
export const toEpochMillis = (input: string | number): number => {
  const millis = typeof input === "number" ? input : fromText(input)
  return Math.abs(millis) <= MAX_EPOCH_MILLIS ? Math.trunc(millis) + 0 : Number.NaN
}

const fromText = (input: string): number => {
  if (EPOCH_MILLIS_TEXT.test(input)) return Number(input)
  if (DATE.test(input) || MAIL_DATE.test(input)) return Date.parse(input)
  const basic = BASIC_DATE_TIME.exec(input)
  if (basic !== null) {
    const [, year, month, day, hours, minutes, seconds = "00", fraction = "0", offset] = basic
    return fromText(`${year}-${month}-${day}T${hours}:${minutes}:${seconds}.${fraction}${offset}`)
  }
  const parts = DATE_TIME.exec(input)
  if (parts === null) return Number.NaN
  const [, date, minute, seconds = "00", fraction = "", zone = ""] = parts
  const offset = offsetMillis(zone)
  // A leap second is the first of the next minute, as clocks that know none have it.
  const leap = seconds === "60" ? 1000 : 0
  const time = `${minute}:${leap === 0 ? seconds : "59"}.${fraction.slice(0, 3).padEnd(3, "0")}`
  return offset === undefined ? Number.NaN : Date.parse(`${date}T${time}Z`) + leap - offset
}

/** Undefined for what is no offset; none at all is UTC. */
const offsetMillis = (zone: string): number | undefined => {
  if (/^(?:Z|UTC|GMT)?$/i.test(zone)) return 0
  const parts = OFFSET.exec(zone)
  if (parts === null) return undefined
  const [, sign, hours, minutes = "0", seconds = "0"] = parts
  if (Number(hours) > 23 || Number(minutes) > 59 || Number(seconds) > 59) return undefined
  const millis = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000
  return sign === "-" ? -millis : millis
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
