/**
 * Points in time as people give them on a command line.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
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
const ISO_8601 = /^(\d{4})-(\d{2})(?:-(\d{2})(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?)?$/i

/**
 * Reads a time, relative to the `Clock`, as epoch milliseconds.
 *
 * **Details**
 *
 * - `90s`, `90m`, `24h`, `7d`, `2w`: so long ago; fractions are allowed.
 * - `now`; `today` and `yesterday`: the beginning of that day in UTC.
 * - ISO 8601: a month, a date, or a date and time with `Z`, an offset or neither. What is not said is UTC.
 *
 * Fails with the exit code of a usage error, and a message that quotes the text and names the forms.
 */
export const parse = (text: string): Effect.Effect<number, AppError> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.fromResult(parseAt(text, now)))

/** As `parse`, relative to the given time. */
export const parseAt = (text: string, now: number): Result.Result<number, AppError> => {
  const millis = read(text.trim(), now)
  return Number.isNaN(millis) ? Result.fail(notATime(text)) : Result.succeed(millis)
}

const read = (text: string, now: number): number => {
  const startOfDay = now - (((now % DAY) + DAY) % DAY)
  switch (text.toLowerCase()) {
    case "now":
      return now
    case "today":
      return startOfDay
    case "yesterday":
      return startOfDay - DAY
  }
  const age = AGE.exec(text)
  if (age !== null) {
    const millis = Math.round(now - Number(age[1]) * (units[age[2] ?? ""] ?? Number.NaN))
    return Math.abs(millis) <= MAX_EPOCH_MILLIS ? millis : Number.NaN
  }
  const iso = ISO_8601.exec(text)
  if (iso === null || !isDayOfMonth(Number(iso[1]), Number(iso[2]), Number(iso[3] ?? "1"))) return Number.NaN
  const hasTime = text.length > "2026-01-31".length
  return Date.parse(hasTime && iso[4] === undefined ? `${text}Z` : text)
}

/** Largest distance from the epoch, in milliseconds, that a JavaScript `Date` can hold. */
const MAX_EPOCH_MILLIS = 8.64e15

/** `Date.parse` takes 31 February for 3 March. */
const isDayOfMonth = (year: number, month: number, day: number): boolean =>
  month >= 1 && month <= 12 && day >= 1 && day <= new Date(Date.UTC(year, month, 0)).getUTCDate()

const notATime = (text: string) =>
  new AppError({
    message: `${JSON.stringify(text)} is not a time; give an age such as 90m, 24h, 7d or 2w, or now, today, yesterday, or ISO 8601 such as 2026-01-31 or 2026-01-31T09:30Z`,
    exitCode: exitCodes.usage
  })
