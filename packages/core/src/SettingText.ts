/**
 * How settings are typed, in every flag, variable and file: durations, sizes, rates, counts.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaIssue from "effect/SchemaIssue"

/** How long a timer of JavaScript can run, in milliseconds: 24.8 days. */
const MAX_TIMER = 2 ** 31 - 1

const DURATION =
  /^(\d+(?:\.\d+)?)\s*(?:(ms|milli(?:second)?s?)|(s|seconds?)|(m|minutes?)|(h|hours?)|(d|days?)|(w|weeks?))$/

const unitMillis = [1, 1000, 60_000, 3_600_000, 86_400_000, 604_800_000]

/**
 * Schema for durations as people type them: `250ms`, `30s`, `15m`, `12h`, `90d` or `2w`, also with the name of the unit,
 * such as `30 seconds`; and `0`.
 *
 * **Details**
 *
 * A duration is a whole number of milliseconds from `min` on, by default 0, up to `max`, by default 24.8 days, which is
 * as long as a timer can run. What is negative, infinite or of another form fails to decode, with a message that names
 * the bounds.
 */
export const durationText = ({ max = MAX_TIMER, min = 0 }: { readonly min?: number; readonly max?: number } = {}) => {
  const bounds = `a duration such as 30s, 15m or 90d, ${min === 0 ? "" : `from ${shown(min)} on, `}at most ${shown(max)}`
  return Schema.String.pipe(
    Schema.decodeTo(Schema.Duration, {
      decode: SchemaGetter.transformEffect((text: string, options) => {
        const millis = millisOf(text.trim())
        // Some decimal fractions have none in binary.
        const whole = Math.round(millis)
        const expected = Math.abs(millis - whole) > 1e-4 ? `${bounds}, in whole milliseconds` : bounds
        return Math.abs(millis - whole) <= 1e-4 && whole >= min && whole <= max
          ? Effect.succeed(Duration.millis(whole))
          : Effect.fail(new SchemaIssue.InvalidValue({ expected }, text, options))
      }),
      encode: SchemaGetter.transform((duration: Duration.Duration) => `${Duration.toMillis(duration)}ms`)
    })
  )
}

const millisOf = (text: string): number => {
  // Nothing needs no unit.
  if (text === "0") return 0
  const [, number, ...units] = DURATION.exec(text) ?? []
  const unit = unitMillis[units.findIndex((name) => name !== undefined)]
  return unit === undefined ? Number.NaN : Number(number) * unit
}

const shown = (millis: number): string => (millis < 1000 ? `${millis}ms` : `${Math.floor(millis / 86_400_000)} days`)

const SIZE = /^(\d+)\s*(?:(k)|(m)|(g))?(?:i?b)?$/i

/**
 * Schema for numbers of bytes, such as `16777216`, `16m` or `1 GiB`; units are powers of 1024.
 *
 * A size is a whole number from `min` on, by default 0, that a number of JavaScript can hold.
 */
export const sizeText = ({ min = 0 }: { readonly min?: number } = {}) =>
  Schema.String.pipe(
    Schema.decodeTo(Schema.Int, {
      decode: SchemaGetter.transformEffect((text: string, options) => {
        const [, number, ...units] = SIZE.exec(text.trim()) ?? []
        const bytes = Number(number) * 1024 ** (units.findIndex((unit) => unit !== undefined) + 1)
        const expected = `a size such as 64m${min === 0 ? "" : `, at least ${min}`}`
        return Number.isSafeInteger(bytes) && bytes >= min
          ? Effect.succeed(bytes)
          : Effect.fail(new SchemaIssue.InvalidValue({ expected }, text, options))
      }),
      encode: SchemaGetter.transform(String)
    })
  )

const isNumber = Schema.isPattern(/^\s*\d+(?:\.\d+)?\s*$/, { expected: "a number from 0 on; 0 is no limit" })

/** Schema for numbers a second, such as `20` or `0.5`; 0 is no limit. */
export const RateText = Schema.String.check(isNumber).pipe(Schema.decodeTo(Schema.FiniteFromString))

/** Schema for whole numbers from `min` on, by default 0, up to `max`, by default a million; infinite for no bound. */
export const countText = ({ max = 1_000_000, min = 0 }: { readonly min?: number; readonly max?: number } = {}) => {
  const maximum = Math.min(max, Number.MAX_SAFE_INTEGER)
  const expected = max === Infinity ? `a whole number of at least ${min}` : `a whole number from ${min} to ${max}`
  return Schema.String.check(Schema.isPattern(/^\s*\d+\s*$/, { expected })).pipe(
    Schema.decodeTo(Schema.FiniteFromString.check(Schema.isBetween({ minimum: min, maximum }, { expected })))
  )
}

const httpUrl = { expected: "an http or https URL" }

/** Schema for an `http:` or `https:` URL. */
export const HttpUrlText = Schema.String.check(Schema.makeFilter((text) => URL.canParse(text), httpUrl)).pipe(
  Schema.decodeTo(Schema.URLFromString.check(Schema.makeFilter(({ protocol }) => /^https?:$/.test(protocol), httpUrl)))
)
