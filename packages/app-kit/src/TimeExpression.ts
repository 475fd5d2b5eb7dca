/**
 * Points in time as people give them on a command line.
 */
import { InvalidTime, parseTime } from "@hb-sessions/core/parseTime"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaIssue from "effect/SchemaIssue"
import { AppError, exitCodes } from "./AppError.ts"

const SECOND = 1000
const DAY = 86_400 * SECOND

const units: Readonly<Record<string, number>> = {
  s: SECOND,
  m: 60 * SECOND,
  h: 3600 * SECOND,
  d: DAY,
  w: 7 * DAY
}

const AGE = /^(\d+(?:\.\d+)?)([smhdw])$/

/**
 * Reads a time, relative to the `Clock`, as epoch milliseconds.
 *
 * **Details**
 *
 * - `90s`, `90m`, `24h`, `7d`, `2w`: so long ago; fractions are allowed.
 * - `now`; `today` and `yesterday`: the beginning of that day in UTC.
 * - What `parseTime` of core takes: ISO 8601 and epoch milliseconds. What is not said is UTC.
 *
 * Fails with the exit code of a usage error, and a message that quotes the text, says what is wrong with it, and names
 * the forms.
 */
export const parse = (text: string): Effect.Effect<number, AppError> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.fromResult(parseAt(text, now)))

/** Schema for a time relative to the `Clock`: its text, and epoch milliseconds. */
export const TimeExpression = Schema.String.pipe(
  Schema.decodeTo(Schema.Struct({ text: Schema.String, millis: Schema.Finite }), {
    decode: SchemaGetter.transformEffect((text: string, options) =>
      Effect.mapBoth(parse(text), {
        onSuccess: (millis) => ({ text, millis }),
        onFailure: ({ message }) => new SchemaIssue.InvalidValue({ message }, text, options)
      })
    ),
    encode: SchemaGetter.transform(({ text }: { readonly text: string }) => text)
  })
)

export type TimeExpression = typeof TimeExpression.Type

/** Whether a name is that of a time zone, such as `Europe/Paris` or `UTC`. */
export const isTimeZone = (name: string): boolean =>
  // Asking for it takes five milliseconds.
  name === "UTC" || Result.isSuccess(Result.try(() => Intl.DateTimeFormat("en", { timeZone: name })))

/** As `parse`, relative to the given time. */
export const parseAt = (text: string, now: number): Result.Result<number, AppError> =>
  Result.mapError(read(text.trim(), now), (error) => notATime(text, error))

const read = (text: string, now: number): Result.Result<number, InvalidTime> => {
  const startOfDay = now - (((now % DAY) + DAY) % DAY)
  switch (text.toLowerCase()) {
    case "now":
      return Result.succeed(now)
    case "today":
      return Result.succeed(startOfDay)
    case "yesterday":
      return Result.succeed(startOfDay - DAY)
  }
  const age = AGE.exec(text)
  if (age === null) return parseTime(text)
  const millis = Math.round(now - Number(age[1]) * (units[age[2] ?? ""] ?? Number.NaN))
  return millis >= EARLIEST ? Result.succeed(millis) : Result.fail(new InvalidTime({ problem: "it is too long ago" }))
}

const EARLIEST = Date.UTC(1900, 0)

const notATime = (text: string, { problem }: InvalidTime) =>
  new AppError({
    message: `${JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)} is not a time${problem === undefined ? "" : `: ${problem}`}; give an age such as 90m, 24h, 7d or 2w, or now, today, yesterday, or ISO 8601 such as 2026-01-31 or 2026-01-31T09:30Z, or epoch milliseconds such as 1769851800000`,
    exitCode: exitCodes.usage
  })
