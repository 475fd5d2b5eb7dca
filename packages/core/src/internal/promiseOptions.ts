/**
 * The options of callers without types or with wrong ones: what cannot be used throws a `TypeError` that names it.
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { ListOptions, ReadOptions, SessionsClientOptions } from "../promise.ts"
import type * as Sessions from "../Sessions.ts"
import type { ListQuery } from "../SessionsApi.ts"
import type * as Core from "../SessionsClient.ts"

/** The settings of a client, checked; no message quotes the key. */
export const clientOptions = (options: SessionsClientOptions): Core.SessionsClientOptions => {
  const { apiKey, attemptTimeout, baseUrl, fetch, maxRequestsPerSecond, maxRetryAfter, retries } = options
  const { maxBodyBytes, retryBaseDelay, retryMaxDelay, totalTimeout } = options
  if (typeof apiKey !== "string" || apiKey.trim() === "") throw new TypeError("apiKey must be the team's API key")
  if (fetch !== undefined && typeof fetch !== "function") throw new TypeError("fetch must be a function")
  checkMillis({ attemptTimeout, maxRetryAfter, retryBaseDelay, retryMaxDelay, totalTimeout })
  checkCount({ retries })
  checkPositiveInts({ maxBodyBytes })
  if (maxRequestsPerSecond !== undefined && !(Number.isFinite(maxRequestsPerSecond) && maxRequestsPerSecond > 0)) {
    throw new TypeError(`maxRequestsPerSecond must be a number above 0, not ${show(maxRequestsPerSecond)}`)
  }
  return {
    apiKey: Redacted.make(apiKey.trim()),
    ...(baseUrl === undefined ? {} : { baseUrl: httpUrl(baseUrl) }),
    ...(attemptTimeout === undefined ? {} : { attemptTimeout }),
    ...(totalTimeout === undefined ? {} : { totalTimeout }),
    ...(retries === undefined ? {} : { retries }),
    ...(retryBaseDelay === undefined ? {} : { retryBaseDelay }),
    ...(retryMaxDelay === undefined ? {} : { retryMaxDelay }),
    ...(maxRetryAfter === undefined ? {} : { maxRetryAfter }),
    ...(maxRequestsPerSecond === undefined ? {} : { maxRequestsPerSecond }),
    ...(maxBodyBytes === undefined ? {} : { maxBodyBytes })
  }
}

/** The query of one page, checked. */
export const listQuery = ({ page, pageSize, status }: ListOptions): ListQuery => {
  checkPositiveInts({ page, pageSize })
  checkStatus(status)
  return {
    ...(page === undefined ? {} : { page }),
    ...(status === undefined ? {} : { status }),
    ...(pageSize === undefined ? {} : { limit: pageSize })
  }
}

/** The options of a read, checked. */
export const readOptions = (options: ReadOptions): Sessions.ReadOptions => {
  const { concurrency, consistency, filter, from, maxPages, onReport, pageSize, retryBudget, since, status, until } =
    options
  checkPositiveInts({ concurrency, maxPages, pageSize })
  checkCount({ retryBudget })
  for (const one of [status].flat()) checkStatus(one)
  checkChoice("consistency", consistency, ["verified", "fast"])
  checkChoice("filter", filter, ["server", "client"])
  checkTimes({ since, until })
  return {
    ...(status === undefined ? {} : { status }),
    ...(filter === undefined ? {} : { filter }),
    ...(consistency === undefined ? {} : { consistency }),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(pageSize === undefined ? {} : { pageSize }),
    ...(maxPages === undefined ? {} : { maxPages }),
    ...(retryBudget === undefined ? {} : { retryBudget }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
    ...(from === undefined ? {} : { from }),
    ...(onReport === undefined ? {} : { onReport: (report) => Effect.sync(() => onReport(report)) })
  }
}

/** Checks numbers that count something. */
export const checkPositiveInts = (options: Readonly<Record<string, number | undefined>>): void => {
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined && !(Number.isSafeInteger(value) && value > 0)) {
      throw new TypeError(`${name} must be a whole number from 1, not ${show(value)}`)
    }
  }
}

const checkCount = (options: Readonly<Record<string, number | undefined>>): void => {
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= 0)) {
      throw new TypeError(`${name} must be a whole number from 0, not ${show(value)}`)
    }
  }
}

const checkMillis = (options: Readonly<Record<string, number | undefined>>): void => {
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined && !(Number.isFinite(value) && value >= 0)) {
      throw new TypeError(`${name} must be a number of milliseconds, not ${show(value)}`)
    }
  }
}

const httpUrl = (input: string | URL): URL => {
  const url = URL.canParse(String(input)) ? new URL(input) : undefined
  if (url?.protocol === "https:" || url?.protocol === "http:") return url
  throw new TypeError("baseUrl must be an http or https URL")
}

const checkStatus = (status: unknown): void => {
  if (status !== undefined && (typeof status !== "string" || status === "")) {
    throw new TypeError(`status must be text such as "active", not ${show(status)}`)
  }
}

const checkChoice = (name: string, value: string | undefined, choices: ReadonlyArray<string>): void => {
  if (value !== undefined && !choices.includes(value)) {
    throw new TypeError(`${name} must be ${choices.map(show).join(" or ")}, not ${show(value)}`)
  }
}

const checkTimes = (options: Readonly<Record<string, Date | string | number | undefined>>): void => {
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined && Option.isNone(DateTime.make(value))) {
      throw new TypeError(`${name} must be a Date, ISO 8601 text or epoch milliseconds, not ${show(value)}`)
    }
  }
}

const show = (value: unknown): string => (typeof value === "string" ? JSON.stringify(value) : String(value))
