/**
 * The two spellings of a time that the API writes, read without a regular expression.
 */
import { toEpochMillis } from "../Timestamp.ts"

/**
 * Makes a function with the results of `toEpochMillis` for text, at a multiple of its speed where the text is 13 digits
 * or `YYYY-MM-DDTHH:MM:SS.mmmZ`.
 *
 * Sessions come in order of time, so the day is mostly that of a call before, and is kept.
 */
export const timeReader = (): ((text: string) => number) => {
  let day = "none"
  let dayMillis = Number.NaN
  return (text) => {
    if (text.length === 13) return fromDigits(text) ?? toEpochMillis(text)
    if (text.length !== 24 || !hasIsoMarks(text)) return toEpochMillis(text)
    if (!text.startsWith(day)) {
      day = text.slice(0, 11)
      dayMillis = toEpochMillis(`${day}00:00:00.000Z`)
    }
    const hours = wholeNumber(text, 11, 13)
    const minutes = wholeNumber(text, 14, 16)
    const seconds = wholeNumber(text, 17, 19)
    const millis = wholeNumber(text, 20, 23)
    // Negative is no number. The hour 24 is for `Date.parse`.
    return hours >= 0 && hours < 24 && minutes >= 0 && minutes < 60 && seconds >= 0 && seconds < 60 && millis >= 0
      ? dayMillis + (((hours * 60 + minutes) * 60 + seconds) * 1000 + millis)
      : toEpochMillis(text)
  }
}

/** In two halves, since 13 digits do not fit 32 bits, in which numbers are read faster. */
const fromDigits = (text: string): number | undefined => {
  const high = wholeNumber(text, 0, 7)
  const low = wholeNumber(text, 7, 13)
  return high < 0 || low < 0 ? undefined : high * 1_000_000 + low
}

/** Up to 9 digits as a number; -1 where a character is no digit. */
const wholeNumber = (text: string, from: number, to: number): number => {
  let value = 0
  for (let index = from; index < to; index++) {
    const digit = text.charCodeAt(index) - ZERO
    if (digit < 0 || digit > 9) return -1
    value = (value * 10 + digit) | 0
  }
  return value
}

const hasIsoMarks = (text: string): boolean =>
  text.charCodeAt(10) === T &&
  text.charCodeAt(13) === COLON &&
  text.charCodeAt(16) === COLON &&
  text.charCodeAt(19) === DOT &&
  text.charCodeAt(23) === Z

const ZERO = 48
const DOT = 46
const COLON = 58
const T = 84
const Z = 90
