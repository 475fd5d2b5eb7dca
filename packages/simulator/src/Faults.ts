/**
 * Which requests fail, and how: by rates, by a script, or both.
 */
import type * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import { parsePairs } from "./internal/parse.ts"
import { makeRng } from "./Rng.ts"
import { sessionStatuses } from "./SessionGenerator.ts"

/**
 * The ways in which a request can fail.
 *
 * - `429`, `429-date`: too many requests, with `Retry-After` in seconds or as an HTTP date.
 * - `500`, `502`, `503`: the server failed.
 * - `reset`: the connection is reset instead of an answer.
 * - `truncate`: the connection ends in the middle of the body.
 * - `html`: HTTP 200 with an HTML page.
 * - `wrong-json`: HTTP 200 with JSON that is not a page.
 * - `invalid-json`: HTTP 200 with a whole body that is not JSON.
 * - `empty`: HTTP 200 without a body.
 * - `hang`: no answer, for as long as the client waits.
 * - `slow`: the right answer, in small pieces.
 */
export const faultKinds = [
  "429",
  "429-date",
  "500",
  "502",
  "503",
  "reset",
  "truncate",
  "html",
  "wrong-json",
  "invalid-json",
  "empty",
  "hang",
  "slow"
] as const
export type FaultKind = (typeof faultKinds)[number]

/** A line of a script: the requests that it is meant for, and what happens to them. */
export interface FaultRule {
  readonly fault: FaultKind
  /** Only requests for this page; any page when absent. */
  readonly page?: number | undefined
  /** Only requests with this status filter; with any or none when absent. */
  readonly status?: string | undefined
  /** Of those requests only the n-th, 1-based, or the n-th to the m-th; all when absent. */
  readonly nth?: number | readonly [from: number, to: number] | undefined
}

/** The faults of a simulator. */
export interface FaultPlan {
  /** Share of the requests that meet each fault, from 0 to 1 each and in sum. */
  readonly rates?: { readonly [K in FaultKind]?: number | undefined } | undefined
  /** Goes before `rates`; the first line that fits a request decides. */
  readonly script?: ReadonlyArray<FaultRule> | undefined
  /** What `Retry-After` says, rounded up to whole seconds. Default one second. */
  readonly retryAfter?: Duration.Input | undefined
  /** How long the body of a `slow` answer takes. Default one second. */
  readonly slowBody?: Duration.Input | undefined
}

/** Decides about one request after the other. */
export interface Faults {
  readonly plan: FaultPlan
  /** The fault of the next request, or undefined when it is to be answered well. */
  readonly next: (request: { readonly page: number; readonly status?: string | undefined }) => FaultKind | undefined
}

/** Makes the faults of a plan; they depend on the seed and on the order of the requests alone. */
export const makeFaults = (plan: FaultPlan, seed: string): Faults => {
  const rng = makeRng(`${seed}/faults`)
  const rules = (plan.script ?? []).map((rule) => ({ rule, matched: 0 }))
  let requests = 0

  const next: Faults["next"] = ({ page, status }) => {
    const draw = rng.fraction(requests++, 1)
    let scripted: FaultKind | undefined
    for (const entry of rules) {
      const { rule } = entry
      if (rule.page !== undefined && rule.page !== page) continue
      if (rule.status !== undefined && rule.status !== status) continue
      // Every line counts its requests, also those that an earlier line has decided.
      entry.matched += 1
      if (scripted === undefined && isWithin(rule.nth, entry.matched)) scripted = rule.fault
    }
    return scripted ?? drawn(plan.rates ?? {}, draw)
  }
  return { plan, next }
}

const isWithin = (nth: FaultRule["nth"], count: number): boolean => {
  if (nth === undefined) return true
  const [from, to] = typeof nth === "number" ? [nth, nth] : nth
  return from <= count && count <= to
}

const drawn = (rates: NonNullable<FaultPlan["rates"]>, draw: number): FaultKind | undefined => {
  let sum = 0
  return faultKinds.find((kind) => {
    sum += rates[kind] ?? 0
    return draw < sum
  })
}

/** Reads rates such as `429=0.05,reset=0.01`; fails with what is wrong and what is allowed. */
export const parseFaultRates = (text: string): Result.Result<NonNullable<FaultPlan["rates"]>, string> =>
  Result.flatMap(parsePairs(text, { names: faultKinds, max: 1, example: "429=0.05,reset=0.01" }), (rates) => {
    const sum = Object.values(rates).reduce((total, rate) => total + rate, 0)
    return sum > 1 + Number.EPSILON * 16
      ? Result.fail(`the rates add up to ${sum}; lower them to 1 at most`)
      : Result.succeed(rates)
  })

const EXAMPLE = `"page=7 nth=3 reset"`

/**
 * Reads a line of a script: conditions and a fault, apart by spaces.
 *
 * **Details**
 *
 * `page=7`, `status=active`, `nth=3`, `nth=2..4` and `nth=2..` (to the end) are the conditions; the fault is one of
 * `faultKinds`. Fails with what is wrong and what is allowed.
 */
export const parseFaultRule = (text: string): Result.Result<FaultRule, string> =>
  Result.gen(function* () {
    const rule: Partial<FaultRule> = {}
    for (const word of text.trim().split(/\s+/)) {
      const condition = yield* parseWord(word)
      const [key = ""] = Object.keys(condition)
      if (key in rule) return yield* Result.fail(`"${word}" gives the ${key} a second time; keep one, as in ${EXAMPLE}`)
      Object.assign(rule, condition)
    }
    const { fault } = rule
    if (fault === undefined) {
      return yield* Result.fail(`no fault is named; end with one of ${faultKinds.join(", ")}, as in ${EXAMPLE}`)
    }
    return { ...rule, fault }
  })

const parseWord = (word: string): Result.Result<Partial<FaultRule>, string> => {
  const fault = faultKinds.find((kind) => kind === word)
  if (fault !== undefined) return Result.succeed({ fault })
  const [name, value = ""] = word.split("=", 2)
  if (name === "page" && /^[1-9]\d*$/.test(value)) return Result.succeed({ page: Number(value) })
  if (name === "status" && sessionStatuses.some((status) => status === value)) return Result.succeed({ status: value })
  const range = name === "nth" ? /^([1-9]\d*)(?:(\.\.)([1-9]\d*)?)?$/.exec(value) : null
  if (range !== null) {
    const from = Number(range[1])
    if (range[2] === undefined) return Result.succeed({ nth: from })
    const to = range[3] === undefined ? Infinity : Number(range[3])
    if (from <= to) return Result.succeed({ nth: [from, to] })
  }
  return Result.fail(
    `"${word}" is not understood; use page=7, status=active, nth=3, nth=2..4 or a fault (${faultKinds.join(", ")}), ` +
      `as in ${EXAMPLE}`
  )
}
