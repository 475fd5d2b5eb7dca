/**
 * What a client wants of the cache: `Cache-Control` of requests (RFC 9111, 5.2.1), and `Pragma` where there is none.
 */
import type { IncomingHttpHeaders } from "node:http"

/** Which answers that are kept may be given, and what becomes of one that is fetched. */
export interface Wish {
  /** Oldest answer that may be given, in milliseconds; below 0 for none that was there before. */
  readonly maxAgeMillis: number
  /** How much longer an answer must be fresh. */
  readonly minFreshMillis: number
  /** How long an answer may not have been fresh any more; the server's own bounds hold beside it. */
  readonly maxStaleMillis: number
  /** Whether an answer that is fetched may be kept. */
  readonly mayKeep: boolean
  /** Whether nothing may be fetched. */
  readonly isOnlyKept: boolean
  /** Whether the answer must not be compressed (`no-transform`). */
  readonly isFixed: boolean
}

/** Whatever the server thinks is good. */
export const anything: Wish = {
  maxAgeMillis: Number.POSITIVE_INFINITY,
  minFreshMillis: Number.NEGATIVE_INFINITY,
  maxStaleMillis: Number.POSITIVE_INFINITY,
  mayKeep: true,
  isOnlyKept: false,
  isFixed: false
}

const NOTHING_KEPT = -1
const DIRECTIVE = /([!#$%&'*+.^_`|~\w-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?/g

/**
 * Reads the headers of a request.
 *
 * **Details**
 *
 * Who says how old an answer may be wants none that is stale, unless `max-stale` is said too. Of directives that are
 * given twice, and of numbers that cannot be read, the strictest meaning counts; unknown directives mean nothing.
 */
export const wishOf = (headers: IncomingHttpHeaders): Wish => {
  const text = headers["cache-control"]
  if (text === undefined && headers.pragma === undefined) return anything
  const given = new Map<string, number>()
  for (const [, name = "", quoted, token] of (text ?? headers.pragma ?? "").matchAll(DIRECTIVE)) {
    const key = name.toLowerCase()
    const millis = millisOf(key, quoted ?? token)
    const before = given.get(key) ?? millis
    given.set(key, key === "min-fresh" ? Math.max(before, millis) : Math.min(before, millis))
  }
  if (text === undefined) return given.has("no-cache") ? { ...anything, maxAgeMillis: NOTHING_KEPT } : anything
  const maxAge = given.get("max-age")
  const minFresh = given.get("min-fresh")
  const mustBeFresh = maxAge !== undefined || minFresh !== undefined
  return {
    maxAgeMillis: given.has("no-cache") || maxAge === 0 ? NOTHING_KEPT : (maxAge ?? anything.maxAgeMillis),
    minFreshMillis: minFresh ?? anything.minFreshMillis,
    maxStaleMillis: given.get("max-stale") ?? (mustBeFresh ? 0 : anything.maxStaleMillis),
    mayKeep: !given.has("no-store"),
    isOnlyKept: given.has("only-if-cached"),
    isFixed: given.has("no-transform")
  }
}

/** The number of a directive; the strictest one where there is none that can be read. */
const millisOf = (name: string, text: string | undefined): number => {
  if (text !== undefined && /^\d+$/.test(text)) return Number(text) * 1000
  if (name === "min-fresh" || (name === "max-stale" && text === undefined)) return Number.POSITIVE_INFINITY
  return 0
}
