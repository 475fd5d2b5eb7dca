/**
 * The options of callers without types or with wrong ones: what cannot be used throws a `TypeError` that names it.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import type { ListOptions, ReadOptions, SessionsClientOptions } from "./promiseTypes.ts"
import type * as Sessions from "../Sessions.ts"
import type { ListQuery } from "../ListQuery.ts"
import type * as Core from "../SessionsClient.ts"
import {
  clientProblem,
  isHttp,
  millisProblem,
  plainTimeRule,
  queryProblem,
  readPlainTime,
  readProblem,
  show
} from "./optionProblem.ts"

const orThrow = (problem: string | undefined): void => {
  if (problem !== undefined) throw new TypeError(problem)
}

/** Options as they are where absence is told by the absence of the key. */
type Given<A> = { readonly [K in keyof A]: Exclude<A[K], undefined> }

/** Without the keys of what is undefined; all others stay, so that none is forgotten. */
const given = <A extends object>(options: A): Given<A> =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Given<A>

/** The settings of a client, checked; no message quotes the key. */
export const clientOptions = (options: SessionsClientOptions): Core.SessionsClientOptions => {
  const { apiKey, baseUrl, fetch, ...others } = options
  if (typeof apiKey !== "string" || apiKey.trim() === "") throw new TypeError("apiKey must be the team's API key")
  if (fetch !== undefined && typeof fetch !== "function") throw new TypeError("fetch must be a function")
  orThrow(millisProblem({ ...others }))
  orThrow(clientProblem({ ...others }))
  return {
    ...given(others),
    apiKey: Redacted.make(apiKey.trim()),
    ...(baseUrl === undefined ? {} : { baseUrl: httpUrl(baseUrl) })
  }
}

/** The query of one page, checked. */
export const listQuery = ({ page, pageSize: limit, signal, status }: ListOptions): ListQuery => {
  orThrow(queryProblem({ page, pageSize: limit, status }))
  checkSignal(signal)
  return given({ page, status, limit })
}

/** The options of a read, checked. */
export const readOptions = (options: ReadOptions): Sessions.ReadOptions => {
  const { onReport, onUnreadableRow, signal, ...others } = options
  orThrow(readProblem({ ...options }, readPlainTime, plainTimeRule))
  checkSignal(signal)
  return {
    ...given(others),
    ...(onUnreadableRow === undefined
      ? {}
      : { onUnreadableRow: (row) => Effect.promise(async () => onUnreadableRow(row)) }),
    // What it throws or rejects with is what the read fails with.
    ...(onReport === undefined ? {} : { onReport: (report) => Effect.promise(async () => onReport(report)) })
  }
}

/** The bound of an array, checked. */
export const arrayLimit = (limit: unknown): number => {
  if (limit === undefined) throw new TypeError("limit is required: it bounds what is held in memory")
  if (typeof limit === "number" && Number.isSafeInteger(limit) && limit > 0) return limit
  throw new TypeError(`limit must be a whole number from 1, not ${show(limit)}`)
}

// Other realms, as test runners make, have classes of their own.
const isSignal = (signal: unknown): boolean =>
  Predicate.hasProperty(signal, "aborted") &&
  Predicate.hasProperty(signal, "addEventListener") &&
  typeof signal.addEventListener === "function"

const checkSignal = (signal: unknown): void => {
  if (signal !== undefined && !isSignal(signal)) {
    throw new TypeError(`signal must be an AbortSignal, not ${show(signal)}`)
  }
}

const httpUrl = (input: string | URL): URL => {
  const url = URL.canParse(String(input)) ? new URL(input) : undefined
  if (url !== undefined && isHttp(url)) return url
  throw new TypeError("baseUrl must be an http or https URL")
}
