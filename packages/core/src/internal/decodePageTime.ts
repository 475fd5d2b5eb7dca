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
      day = text.slice(0, 10)
      dayMillis = toEpochMillis(`${day}T00:00:00.000Z`)
    }
    const hours = twoDigits(text, 11)
    const minutes = twoDigits(text, 14)
    const seconds = twoDigits(text, 17)
    const millis = twoDigits(text, 20) * 10 + digit(text, 22)
    // A comparison with NaN is false. The hour 24 is for `Date.parse`.
    return hours < 24 && minutes < 60 && seconds < 60 && millis < 1000
      ? dayMillis + ((hours * 60 + minutes) * 60 + seconds) * 1000 + millis
      : toEpochMillis(text)
  }
}

const fromDigits = (text: string): number | undefined => {
  let value = 0
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index) - ZERO
    if (code < 0 || code > 9) return undefined
    value = value * 10 + code
  }
  return value
}

const hasIsoMarks = (text: string): boolean =>
  text[10] === "T" && text[13] === ":" && text[16] === ":" && text[19] === "." && text[23] === "Z"

const ZERO = 48

const digit = (text: string, index: number): number => {
  const code = text.charCodeAt(index) - ZERO
  return code >= 0 && code <= 9 ? code : Number.NaN
}

const twoDigits = (text: string, index: number): number => digit(text, index) * 10 + digit(text, index + 1)
