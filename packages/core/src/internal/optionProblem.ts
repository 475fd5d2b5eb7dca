/**
 * What is wrong with the options of callers without types or with wrong ones: a text that names the option, its rule and
 * its value, or undefined.
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"

type Options = Readonly<Record<string, unknown>>
type Problem = string | undefined

const positiveInt = (value: unknown) => Number.isSafeInteger(value) && Number(value) > 0
const count = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 0
const text = (value: unknown) => typeof value === "string" && value !== ""
const callable = (value: unknown) => typeof value === "function"

const check = (
  options: Options,
  names: ReadonlyArray<string>,
  isValid: (value: unknown) => boolean,
  rule: string
): Problem => {
  for (const name of names) {
    const value = options[name]
    if (value !== undefined && !isValid(value)) return `${name} must be ${rule}, not ${show(value)}`
  }
  return undefined
}

const positiveInts = (options: Options, ...names: ReadonlyArray<string>) =>
  check(options, names, positiveInt, "a whole number from 1")

const statuses = (value: unknown): Problem => {
  for (const one of [value].flat()) {
    const problem = check({ status: one }, ["status"], text, 'text such as "active"')
    if (problem !== undefined) return problem
  }
  return undefined
}

const choice = (options: Options, name: string, choices: ReadonlyArray<string>) =>
  check(options, [name], (value) => choices.some((one) => one === value), choices.map(show).join(" or "))

/** The query of one page. */
export const queryProblem = (query: Options): Problem =>
  positiveInts(query, "page", "limit", "pageSize") ??
  (Array.isArray(query["status"])
    ? `status must be text such as "active", not ${show(query["status"])}`
    : statuses(query["status"]))

/** The options of a read; `isTime` decides what its bounds may be. */
export const readProblem = (options: Options, isTime: (value: unknown) => boolean, timeRule: string): Problem =>
  positiveInts(options, "concurrency", "maxPages", "pageSize") ??
  check(options, ["retryBudget"], count, "a whole number from 0") ??
  statuses(options["status"]) ??
  choice(options, "consistency", ["verified", "fast"]) ??
  choice(options, "filter", ["server", "client"]) ??
  check(options, ["since", "until"], isTime, timeRule) ??
  check(options, ["from"], (value) => typeof value === "string", "a resume token") ??
  check(options, ["onReport", "onUnreadableRow"], callable, "a function")

/** The settings of a client, but for its times. */
export const clientProblem = (options: Options): Problem =>
  check(options, ["retries"], count, "a whole number from 0") ??
  positiveInts(options, "maxBodyBytes") ??
  choice(options, "decoding", ["tolerant", "strict"]) ??
  check(options, ["maxRequestsPerSecond"], (value) => Number.isFinite(value) && Number(value) > 0, "a number above 0")

const times = ["attemptTimeout", "totalTimeout", "retryBaseDelay", "retryMaxDelay", "maxRetryAfter"]

/** The times of a client as milliseconds. */
export const millisProblem = (options: Options): Problem =>
  check(options, times, (value) => Number.isFinite(value) && Number(value) >= 0, "a number of milliseconds")

/** The times of a client as durations. */
export const durationProblem = (options: Options): Problem => check(options, times, isDuration, "a duration")

const isDuration = (value: unknown): boolean => {
  if (typeof value === "number" && !(value >= 0)) return false
  if (Predicate.isObject(value) && !Duration.isDuration(value) && Object.keys(value).length === 0) return false
  // `fromInput` tells what is none, whatever it is given.
  return Option.exists(Duration.fromInput(value as Duration.Input), (duration) => Duration.toMillis(duration) >= 0)
}

/** Whether a key and a base URL are of their types; says nothing of what the key is. */
export const credentialsProblem = (options: { readonly apiKey: unknown; readonly baseUrl?: unknown }): Problem => {
  if (!Redacted.isRedacted(options.apiKey)) return "apiKey must be a Redacted text"
  const { baseUrl } = options
  return baseUrl === undefined || (isUrl(baseUrl) && isHttp(baseUrl))
    ? undefined
    : "baseUrl must be an http or https URL"
}

const isUrl = (value: unknown): value is Pick<URL, "protocol"> =>
  Predicate.hasProperty(value, "href") && Predicate.hasProperty(value, "protocol")

/** Whether HTTP is spoken to it. */
export const isHttp = ({ protocol }: Pick<URL, "protocol">): boolean => protocol === "https:" || protocol === "http:"

const ISO_8601 = /^(\d{4})-(\d{2})-(\d{2})(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}(?::?\d{2})?)?)?$/i

const isDayOfMonth = (year: number, month: number, day: number): boolean =>
  day >= 1 && day <= new Date(Date.UTC(year, month, 0)).getUTCDate()

/** Whether a value is a `Date`, ISO 8601 text, or epoch milliseconds. */
export const isPlainTime = (value: unknown): boolean => {
  if (typeof value === "string") {
    const parts = ISO_8601.exec(value)
    if (parts === null || !isDayOfMonth(Number(parts[1]), Number(parts[2]), Number(parts[3]))) return false
  } else if (typeof value !== "number" && !(value instanceof Date)) {
    return false
  }
  return Option.isSome(DateTime.make(value))
}

const PARTS = new Set(["year", "month", "day", "hour", "minute", "second", "millisecond", "epochMilliseconds"])

/** As `isPlainTime`, and whatever else `DateTime.make` takes, but for objects that say nothing of a time. */
export const isTimeInput = (value: unknown): boolean => {
  if (DateTime.isDateTime(value) || isPlainTime(value)) return true
  if (!Predicate.isObject(value) || value instanceof Date || Array.isArray(value)) return false
  const parts = Object.entries(value)
  return parts.length > 0 && parts.every(([name, part]) => PARTS.has(name) && Number.isFinite(part))
}

export const plainTimeRule = "a Date, ISO 8601 text or epoch milliseconds"

/** A value as a message quotes it: short, and without what an object holds. */
export const show = (value: unknown): string => {
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value)
  if (Array.isArray(value)) return "a list"
  if (typeof value === "function") return "a function"
  if (value instanceof Date) return "a Date that is no time"
  return typeof value === "object" && value !== null ? "an object" : String(value)
}
