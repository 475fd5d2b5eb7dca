/**
 * Encoded answers with everything that HTTP wants to know about them.
 */
import { hash } from "node:crypto"
import { checkResponse } from "../access/StatusAccess.ts"
import type { ByteCache, CacheState, Found, Sized } from "./ByteCache.ts"
import { CodedForms } from "./CodedForms.ts"
import type { Exchange, HeaderList } from "../http/Exchange.ts"
import { flat } from "./flat.ts"
import { keepNowAndThen, Prepared } from "./Prepared.ts"
import { sendBody } from "./sendBody.ts"

/** A body, ready to be sent. */
export class CachedResponse implements Sized<CachedResponse> {
  /** Outside of the heap, and in no pool: what is kept costs what it says. */
  readonly body: Buffer
  readonly contentType: string
  /** Strong: the same only for the same bytes. Of the body as it is; its compressed forms have tags of their own. */
  readonly etag: string
  /** Further headers, such as `link`. */
  readonly headers: HeaderList
  /** The statuses of the sessions in it. */
  readonly statuses: ReadonlySet<string>
  /** Whether it must be sent as it is. */
  readonly isFixed: boolean
  readonly cost: number
  private coded: CodedForms | undefined = undefined
  private kept: Prepared | undefined = undefined

  constructor(fields: Omit<CachedResponse, "forms" | "prepared" | "takeOver">) {
    this.body = fields.body
    this.contentType = fields.contentType
    this.etag = fields.etag
    this.headers = fields.headers
    this.statuses = fields.statuses
    this.isFixed = fields.isFixed
    this.cost = fields.cost
  }

  /** Its compressed forms. */
  get forms(): CodedForms {
    return (this.coded ??= new CodedForms())
  }

  /** What is sent beside the body. */
  get prepared(): Prepared {
    if (this.kept?.isKept === true) return this.kept
    const prepared = new Prepared(this.etag, this.contentType)
    keepNowAndThen(prepared)
    this.kept = prepared.isKept ? prepared : undefined
    return prepared
  }

  /** The forms of the same body: one that is fetched again and again, and seldom changes, is compressed once. */
  takeOver(older: CachedResponse): number {
    if (older.coded === undefined || older.etag !== this.etag || this.isFixed) return 0
    const { cost, forms } = CodedForms.from(older.coded)
    this.coded = forms
    return cost
  }
}

/** Bytes that a text or an element of a set takes beside its characters, of which each is a byte. */
const TEXT_COST = 48
/** Bytes that the rest takes: objects, and the owner of a buffer outside of the heap. Measured in `memory.test.ts`. */
const OVERHEAD = 624

/** Makes an answer. */
export const make = (
  bytes: Uint8Array,
  rest: {
    readonly contentType: string
    readonly headers?: HeaderList
    readonly statuses?: ReadonlySet<string>
    readonly isFixed?: boolean
  }
): CachedResponse => {
  const body = Buffer.allocUnsafeSlow(bytes.length)
  body.set(bytes)
  const headers = (rest.headers ?? []).map(flat)
  const statuses = new Set([...(rest.statuses ?? [])].map((status) => Buffer.from(status).toString()))
  const texts = [...headers, ...statuses]
  return new CachedResponse({
    body,
    contentType: rest.contentType,
    etag: etagOf(body),
    headers,
    statuses,
    isFixed: rest.isFixed ?? false,
    cost: OVERHEAD + body.length + texts.reduce((sum, text) => sum + text.length + TEXT_COST, 0)
  })
}

/** The tag of a body. */
export const etagOf = (body: Uint8Array): string => `"${hash("sha256", body, "base64url").slice(0, 27)}"`

/** Sends an answer that its client may see, in a coding that it takes, or 304 if the client has it. */
export const send = <E>(
  exchange: Exchange,
  { state, storedAt, value }: Found<CachedResponse>,
  { cache, key }: { readonly cache: ByteCache<CachedResponse, E>; readonly key: string },
  now: number
): void => {
  const rejection = checkResponse({ statuses: exchange.client?.statuses }, value.statuses)
  if (rejection !== undefined) return exchange.reject(rejection)
  exchange.cache = state
  const { prepared } = value
  const fresh = Math.floor(cache.freshFor(storedAt, now) / 1000)
  const age = Math.max(0, Math.floor((now - storedAt) / 1000))
  prepared.update({ state, fresh, age }, () => headersOf(value, state, { fresh, age, lasts: cache.freshMillis }))
  sendBody(exchange, {
    body: value.body,
    prepared,
    forms: exchange.accepted.coding === undefined || value.isFixed || exchange.wish.isFixed ? undefined : value.forms,
    keep: (bytes) => cache.grow(key, value, bytes),
    isLong: false
  })
}

/** All but those of the body; `fresh` and `age` are seconds, `lasts` is milliseconds. */
const headersOf = (
  { headers, isFixed }: CachedResponse,
  state: CacheState,
  { age, fresh, lasts }: { readonly fresh: number; readonly age: number; readonly lasts: number }
): HeaderList => {
  // Constant: it is the age that tells how much of it is over.
  const control = `private, max-age=${Math.floor(lasts / 1000)}`
  return [
    ...headers,
    "cache-control",
    // What is in front must not compress it either.
    isFixed ? `${control}, no-transform` : control,
    "age",
    String(age),
    "cache-status",
    cacheStatus(state, fresh),
    "vary",
    "accept-encoding, authorization, x-api-key, origin"
  ]
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
