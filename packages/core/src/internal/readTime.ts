/**
 * Times as people and programs write them, read strictly, and what was probably meant by those that are not.
 */
import { toEpochMillis } from "../Timestamp.ts"

/** What a number of milliseconds was probably meant to be, if that is something else; undefined if it is not. */
export const numberProblem = (value: number): string | undefined => {
  const size = Math.abs(value)
  if (size >= MIN_SECONDS && size < MIN_MILLIS) return inUnit("seconds", value * 1000)
  if (size >= 1e17) return inUnit("nanoseconds", value / 1e6)
  if (size >= 1e14) return inUnit("microseconds", value / 1000)
  return Number.isSafeInteger(value) ? compactDate(String(value)) : undefined
}

/** Why a text is no time; undefined when it resembles none. */
export interface Rejected {
  readonly problem: string | undefined
}

/** Epoch seconds of 1973-03-03 to 5138-11-16, which as milliseconds would be in the years from 1970 to 1973. */
const MIN_SECONDS = 1e8
const MIN_MILLIS = 1e11

const NUMBER = /^-?\d+(?:\.\d+)?$/
const MILLIS = /^(?:0|\d{12,13})$/
const ISO =
  /^(\d{4})-(\d{2})(?:-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?(Z|([+-])(\d{2})(?::?(\d{2}))?)?)?)?$/i
const COMPACT = /^(\d{4})(\d{2})(\d{2})(?:T?(\d{2})(\d{2})(\d{2})?(Z|[+-]\d{2}(?::?\d{2})?)?)?$/i
const LOOSE_DATE = /^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})$/
const YEAR_LAST = /^\d{1,2}[-/. ]\d{1,2}[-/. ]\d{4}$/
const LONG_YEAR = /^[+-]?\d{5,6}-\d{2}/
const LOST_PLUS = /T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)? \d{2}(?::?\d{2})?$/i

/** The epoch milliseconds of a text. */
export const readTime = (text: string): number | Rejected => {
  if (MILLIS.test(text)) return fromMillis(Number(text))
  if (NUMBER.test(text)) return { problem: numberProblem(Number(text)) ?? fractionProblem(text) }
  const iso = ISO.exec(text)
  return iso === null ? { problem: likeIso(text) } : fromIso(text, iso)
}

const fractionProblem = (text: string): string | undefined =>
  text.includes(".") ? "milliseconds are whole" : undefined

/** Twelve digits can be a date as well: those of a year from 1900 to 2100. */
const fromMillis = (millis: number): number | Rejected => {
  const problem = compactDate(String(millis))
  return problem === undefined ? millis : { problem }
}

const fromIso = (text: string, parts: RegExpExecArray): number | Rejected => {
  const [, years = "", month = "", day = "01", hour = "00", minute = "00", second = "00", zone] = parts
  const [sign, offsetHours = "00", offsetMinutes = "00"] = parts.slice(8)
  const year = Number(years)
  if (year < MIN_YEAR) return { problem: `the year ${years} is before ${MIN_YEAR}` }
  const wrong =
    dateProblem(year, month, day) ??
    clockProblem({ date: `${years}-${month}-${day}`, hour, minute, second }) ??
    offsetProblem(sign, offsetHours, offsetMinutes, zone)
  if (wrong !== undefined) return { problem: wrong }
  return toEpochMillis(parts[3] === undefined ? `${text}-01` : text)
}

const MIN_YEAR = 1900
const MAX_COMPACT_YEAR = 2100
const DAY_MILLIS = 86_400_000
const MAX_OFFSET_MINUTES = 14 * 60

const dateProblem = (year: number, month: string, day: string): string | undefined => {
  const name = MONTHS[Number(month) - 1]
  if (name === undefined) return `there is no month ${month}`
  if (Number(day) < 1) return `there is no day ${day}`
  const days = new Date(Date.UTC(year, Number(month), 0)).getUTCDate()
  return Number(day) > days ? `${name} ${year} has ${days} days` : undefined
}

const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December"
]

const clockProblem = (time: {
  readonly date: string
  readonly hour: string
  readonly minute: string
  readonly second: string
}): string | undefined => {
  if (Number(time.hour) > 23) {
    const next = new Date(Date.parse(time.date) + DAY_MILLIS).toISOString().slice(0, "2026-01-31".length)
    return time.hour === "24"
      ? `hours go from 00 to 23; the end of that day is ${next}T00:00`
      : "hours go from 00 to 23"
  }
  if (Number(time.minute) > 59) return "minutes go from 00 to 59"
  if (time.second === "60") return "seconds go from 00 to 59, as leap seconds are not counted"
  return Number(time.second) > 59 ? "seconds go from 00 to 59" : undefined
}

const offsetProblem = (
  sign: string | undefined,
  hours: string,
  minutes: string,
  zone: string | undefined
): string | undefined => {
  if (sign === undefined) return undefined
  if (Number(minutes) < 60 && Number(hours) * 60 + Number(minutes) <= MAX_OFFSET_MINUTES) return undefined
  return `there is no offset ${zone}`
}

/** What a text that is not in a form of ISO 8601 was probably meant to be; undefined if it resembles none. */
const likeIso = (text: string): string | undefined => {
  if (LONG_YEAR.test(text)) return "the year must have four digits"
  if (LOST_PLUS.test(text)) return "the sign of the offset is missing; in a URL, + is written %2B"
  if (YEAR_LAST.test(text)) return "the year comes first, as in 2026-01-31"
  const loose = LOOSE_DATE.exec(text)
  if (loose !== null) {
    const [, year, month = "", day = ""] = loose
    return meant(`${year}-${month.padStart(2, "0")}-${day.padStart(2, "0")}`)
  }
  const compact = compactDate(text)
  if (compact !== undefined) return compact
  const millis = toEpochMillis(text)
  return Number.isNaN(millis) ? undefined : meant(new Date(millis).toISOString())
}

/** `20260131` and the like; undefined if there is no such time in the years that anybody means. */
const compactDate = (text: string): string | undefined => {
  if (/^\d{4}$/.test(text)) return isMeantYear(text) ? meant(`${text}-01-01`) : undefined
  const parts = COMPACT.exec(text)
  if (parts === null || !isMeantYear(parts[1] ?? "")) return undefined
  const [, year, month, day, hour, minute, second = "00", zone = "Z"] = parts
  const written =
    hour === undefined ? `${year}-${month}-${day}` : `${year}-${month}-${day}T${hour}:${minute}:${second}${zone}`
  const iso = ISO.exec(written)
  return iso !== null && typeof fromIso(written, iso) === "number" ? meant(written) : undefined
}

const isMeantYear = (year: string): boolean => Number(year) >= MIN_YEAR && Number(year) <= MAX_COMPACT_YEAR

const meant = (form: string) => `it must be written ${form}`

const MAX_EPOCH_MILLIS = 8.64e15

const inUnit = (unit: string, millis: number): string | undefined => {
  if (Math.abs(millis) > MAX_EPOCH_MILLIS) return undefined
  const whole = Math.trunc(millis)
  return `it looks like ${unit}; in milliseconds it is ${whole}, which is ${new Date(whole).toISOString()}`
}
