/**
 * Encoded answers with everything that HTTP wants to know about them.
 */
import { hash } from "node:crypto"
import { checkResponse } from "../access/StatusAccess.ts"
import type { ByteCache, CacheState, Found } from "./ByteCache.ts"
import type { Exchange, HeaderList } from "../http/Exchange.ts"
import { flat } from "./flat.ts"

/** A body, ready to be sent. */
export interface CachedResponse {
  /** Outside of the heap, and in no pool: what is kept costs what it says. */
  readonly body: Buffer
  readonly contentType: string
  /** Strong: the same only for the same bytes. */
  readonly etag: string
  /** Further headers, such as `link`. */
  readonly headers: HeaderList
  /** The statuses of the sessions in it. */
  readonly statuses: ReadonlySet<string>
  /** Bytes of memory that all of it holds. */
  readonly cost: number
}

/** Bytes that a text or an element of a set takes beside its characters, of which each is a byte. */
const TEXT_COST = 48
/** Bytes that the rest takes: objects, and the owner of a buffer outside of the heap. Measured in `memory.test.ts`. */
const OVERHEAD = 624

/** Makes an answer. */
export const make = (
  bytes: Uint8Array,
  rest: { readonly contentType: string; readonly headers?: HeaderList; readonly statuses?: ReadonlySet<string> }
): CachedResponse => {
  const body = Buffer.allocUnsafeSlow(bytes.length)
  body.set(bytes)
  const headers = (rest.headers ?? []).map(flat)
  const statuses = new Set([...(rest.statuses ?? [])].map((status) => Buffer.from(status).toString()))
  const texts = [...headers, ...statuses]
  return {
    body,
    contentType: rest.contentType,
    etag: etagOf(body),
    headers,
    statuses,
    cost: OVERHEAD + body.length + texts.reduce((sum, text) => sum + text.length + TEXT_COST, 0)
  }
}

/** The tag of a body. */
export const etagOf = (body: Uint8Array): string => `"${hash("sha256", body, "base64url").slice(0, 27)}"`

/** Sends an answer that its client may see, or 304 if the client has it. */
export const send = <E>(
  exchange: Exchange,
  { state, storedAt, value }: Found<CachedResponse>,
  cache: ByteCache<CachedResponse, E>,
  now: number
): void => {
  const rejection = checkResponse({ statuses: exchange.client?.statuses }, value.statuses)
  if (rejection !== undefined) return exchange.reject(rejection)
  exchange.cache = state
  const freshSeconds = Math.floor(cache.freshFor(storedAt, now) / 1000)
  const headers = [
    ...value.headers,
    "etag",
    value.etag,
    "cache-control",
    // Constant: it is the age that tells how much of it is over.
    `private, max-age=${Math.floor(cache.freshMillis / 1000)}`,
    "age",
    String(Math.max(0, Math.floor((now - storedAt) / 1000))),
    "cache-status",
    cacheStatus(state, freshSeconds),
    "vary",
    "authorization, x-api-key, origin"
  ]
  const ifNoneMatch = exchange.request.headers["if-none-match"]
  if (ifNoneMatch !== undefined && isMatch(ifNoneMatch, value.etag)) return exchange.sendEmpty(304, headers)
  headers.push("content-type", value.contentType)
  exchange.sendBytes(200, headers, value.body)
}

/** RFC 9211. */
const cacheStatus = (state: CacheState, freshSeconds: number): string => {
  switch (state) {
    case "hit":
      return `hb-sessions-proxy; hit; ttl=${freshSeconds}`
    case "stale":
      return `hb-sessions-proxy; hit; ttl=${freshSeconds}; detail=stale-while-revalidate`
    case "stale-error":
      return `hb-sessions-proxy; hit; ttl=${freshSeconds}; fwd=stale; detail=stale-if-error`
    case "miss":
      return "hb-sessions-proxy; fwd=miss"
    case "reload":
      return "hb-sessions-proxy; fwd=request"
    case "collapsed":
      return "hb-sessions-proxy; fwd=miss; collapsed"
  }
}

/** Whether one of the tags of `If-None-Match` is this one; a weak one matches too (RFC 9110, 13.1.2). */
export const isMatch = (header: string, etag: string): boolean =>
  header === etag ||
  header.trim() === "*" ||
  header.split(",").some((tag) => {
    const text = tag.trim()
    return text === etag || text === `W/${etag}`
  })
