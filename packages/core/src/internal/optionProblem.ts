/**
 * What is wrong with the options of callers without types or with wrong ones: a text that names the option, its rule and
 * its value, or undefined.
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { parseTime } from "../parseTime.ts"
import { numberProblem } from "./readTime.ts"

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

/** The options of a read; `readTime` decides what its bounds may be. */
export const readProblem = (options: Options, readTime: TimeReader, rule: string): Problem =>
  positiveInts(options, "concurrency", "maxPages", "pageSize") ??
  check(options, ["retryBudget"], count, "a whole number from 0") ??
  statuses(options["status"]) ??
  choice(options, "consistency", ["verified", "fast"]) ??
  choice(options, "filter", ["server", "client"]) ??
  choice(options, "whenChanged", ["repeat", "fail"]) ??
  boundsProblem(options, readTime, rule) ??
  check(options, ["from"], (value) => typeof value === "string", "a resume token") ??
  check(options, ["onReport", "onUnreadableRow"], callable, "a function")

/** The settings of a client, but for its times. */
export const clientProblem = (options: Options): Problem =>
  check(options, ["retries", "retryBudget"], count, "a whole number from 0") ??
  positiveInts(options, "maxBodyBytes") ??
  choice(options, "decoding", ["tolerant", "strict"]) ??
  check(options, ["userAgent"], isHeaderValue, "text that a header can carry") ??
  headersProblem(options["headers"]) ??
  check(
    options,
    ["maxRequestsPerSecond"],
    (value) => Number.isFinite(value) && Number(value) >= 0,
    "a number from 0"
  ) ??
  check(options, ["turn"], callable, "a function") ??
  check(options, ["admit"], Effect.isEffect, "an effect")

const OWN_HEADERS: ReadonlySet<string> = new Set(["x-api-key", "accept"])

const isHeaderValue = (value: unknown) =>
  typeof value === "string" && /^[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?$/.test(value)

/** Values may be secrets, so no message has one. */
const headersProblem = (headers: unknown): Problem => {
  if (headers === undefined) return undefined
  if (!Predicate.isObject(headers) || Array.isArray(headers))
    return `headers must be an object of names and texts, not ${show(headers)}`
  for (const [name, value] of Object.entries(headers)) {
    const named = show(name)
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) return `headers has ${named}, which is no name of a header`
    if (OWN_HEADERS.has(name.toLowerCase())) return `headers has ${named}, which the client sends itself`
    if (!isHeaderValue(value)) return `the value of ${named} in headers must be text that a header can carry`
  }
  return undefined
}

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
  if (!Redacted.isRedacted(options.apiKey) && !Effect.isEffect(options.apiKey)) {
    return "apiKey must be a Redacted text, or an effect that gives one"
  }
  const { baseUrl } = options
  return baseUrl === undefined || (isUrl(baseUrl) && isHttp(baseUrl))
    ? undefined
    : "baseUrl must be an http or https URL"
}

const isUrl = (value: unknown): value is Pick<URL, "protocol"> =>
  Predicate.hasProperty(value, "href") && Predicate.hasProperty(value, "protocol")

/** Whether HTTP is spoken to it. */
export const isHttp = ({ protocol }: Pick<URL, "protocol">): boolean => protocol === "https:" || protocol === "http:"

/** The epoch milliseconds of a bound, or what is wrong with it: empty where the rule says it. */
type TimeReader = (value: unknown) => Result.Result<number, string>

/** Reads a `Date`, text, or epoch milliseconds. */
export const readPlainTime: TimeReader = (value) => {
  if (typeof value === "string") {
    return Result.mapError(parseTime(value), ({ problem }) => (problem === undefined ? "" : `: ${problem}`))
  }
  const millis = value instanceof Date ? value.getTime() : value
  if (typeof millis !== "number" || Option.isNone(DateTime.make(millis))) return Result.fail("")
  const problem = typeof value === "number" ? numberProblem(value) : undefined
  return problem === undefined ? Result.succeed(millis) : Result.fail(`: ${problem}`)
}

const PARTS = new Set(["year", "month", "day", "hour", "minute", "second", "millisecond"])

/** As `readPlainTime`, and whatever else `DateTime.make` takes, but for objects that name no time, or none that exists. */
export const readTimeInput: TimeReader = (value) => {
  if (DateTime.isDateTime(value)) return Result.succeed(DateTime.toEpochMillis(value))
  if (!Predicate.isObject(value) || value instanceof Date || Array.isArray(value)) return readPlainTime(value)
  const parts = Object.entries(value)
  if (parts.length === 0 || !parts.every(([, part]) => Number.isFinite(part))) return Result.fail("")
  const time = Option.getOrUndefined(DateTime.make(value as DateTime.DateTime.Input))
  if (time === undefined) return Result.fail("")
  if ("epochMilliseconds" in value) {
    return parts.length === 1 ? Result.succeed(DateTime.toEpochMillis(time)) : Result.fail("")
  }
  if (!parts.every(([name]) => PARTS.has(name))) return Result.fail("")
  const read: Options = { ...DateTime.toPartsUtc(time) }
  return parts.every(([name, part]) => read[name] === part)
    ? Result.succeed(DateTime.toEpochMillis(time))
    : Result.fail(": there is no such time")
}

/** What is wrong with the bounds of a read. */
const boundsProblem = (options: Options, read: TimeReader, rule: string): Problem => {
  const found: Record<string, number> = {}
  for (const name of ["since", "until"]) {
    const value = options[name]
    if (value === undefined) continue
    const time = read(value)
    if (Result.isFailure(time)) return `${name} must be ${rule}, not ${show(value)}${time.failure}`
    found[name] = time.success
  }
  const { since = -Infinity, until = Infinity } = found
  return since < until ? undefined : "until must be after since, or no session can match"
}

export const plainTimeRule = "a Date, ISO 8601 text or epoch milliseconds"
export const timeRule = "a time: a DateTime, a Date, ISO 8601 text or epoch milliseconds"

/** A value as a message quotes it: short, and without what an object holds. */
export const show = (value: unknown): string => {
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value)
  if (Array.isArray(value)) return "a list"
  if (typeof value === "function") return "a function"
  if (value instanceof Date) return "a Date that is no time"
  return typeof value === "object" && value !== null ? "an object" : String(value)
}
