/**
 * What a resume token says, and its text: at most two kilobytes, however long the list and its pages.
 *
 * ```text
 * "hbs2." checksum "." base64url of
 *   query (8 bytes), page, page size, total, rows (u32 each, little-endian; no total is 0xffffffff), digest (16)
 *   how many digests of pages (u8), how many names of late rows (u8)
 *   flags (u8: 1 there is a first row, 2 there were more late rows), the digest of the first row (8)
 *   the digests of pages (8 each), the names (6 each), those of late rows first
 * ```
 */
import * as Effect from "effect/Effect"
import * as Base64Url from "effect/encoding/Base64Url"
import * as Result from "effect/Result"
import { ResumeToken } from "../../ResumeToken.ts"
import { InvalidResumeToken, SessionsError } from "../../SessionsError.ts"
import { Digest } from "./Digest.ts"

/** What a token says; it changes with the version. */
export interface Position {
  /** Digest of what was asked for: a token of another query is rejected. */
  readonly query: string
  /** The last page of the list that was delivered, 1-based; 0 for none. */
  readonly page: number
  /** Sessions on a full page; 0 while not known. */
  readonly pageSize: number
  /** `totalCount` when the page was delivered; absent when the server does not tell. */
  readonly total?: number
  /** Digest of the first id of the list, as delivered; absent for none. */
  readonly first?: string
  /** Different ids delivered, in the order of the list. */
  readonly rows: number
  /** Digest of those ids. */
  readonly digest: string
  /** Whether there were more rows found late than it names. */
  readonly isLateCut?: true
  /** Digests of the last pages that were delivered, each of the ids in their order. */
  readonly pages: ReadonlyArray<string>
  /** The names of the rows that were found late, which are not among those of the list. */
  readonly late: ReadonlyArray<string>
  /** The names of the rows of the list that were delivered last. */
  readonly last: ReadonlyArray<string>
}

/** The version is outside of the encoding, so that a token of another one can be told from a damaged one. */
const VERSION = "hbs2"

/** Most names in a token, so that it is no longer than two kilobytes. */
const MAX_NAMES = 240
/** So many of them are of the rows of the list that were delivered last, if there are as many. */
const MIN_LAST = 120

const HEAD_BYTES = 51
const DIGEST_BYTES = 8
const NAME_BYTES = 6
const NONE = 0xffffffff
const HAS_FIRST = 1
const LATE_CUT = 2

/** The name of a row: the digest of its id, of which 48 bits are enough for some hundreds of rows. */
export const nameOf = (id: string): string => digestOf([id]).slice(0, NAME_BYTES * 2)

/** A digest of some texts in their order, of 64 bits. */
export const digestOf = (texts: ReadonlyArray<string>): string => {
  const digest = new Digest()
  for (const text of texts) digest.add(text)
  return digest.toString().slice(0, DIGEST_BYTES * 2)
}

/** The names that a token has room for: of the rows found late, and of those of the list, the latest of both. */
export const namesOf = (
  lateIds: ReadonlyArray<string>,
  lastIds: ReadonlyArray<string>
): Pick<Position, "late" | "last"> => {
  const late = lateIds.slice(-(MAX_NAMES - Math.min(MIN_LAST, lastIds.length)))
  const room = MAX_NAMES - late.length
  return { late: late.map(nameOf), last: lastIds.slice(-room).map(nameOf) }
}

/** Writes a token. */
export const encode = (position: Position): ResumeToken => {
  const { digest, first, isLateCut = false, last, late, page, pageSize, pages, query, rows, total = NONE } = position
  const names = [...late, ...last]
  const bytes = new Uint8Array(HEAD_BYTES + pages.length * DIGEST_BYTES + names.length * NAME_BYTES)
  const view = new DataView(bytes.buffer)
  let at = 0
  const put = (hex: string) => {
    for (let digit = 0; digit < hex.length; digit += 2) bytes[at++] = Number.parseInt(hex.slice(digit, digit + 2), 16)
  }
  put(query)
  for (const number of [page, pageSize, total, rows]) {
    view.setUint32(at, number, true)
    at += 4
  }
  put(digest)
  for (const count of [pages.length, late.length, (first === undefined ? 0 : HAS_FIRST) | (isLateCut ? LATE_CUT : 0)])
    bytes[at++] = count
  put(first ?? "0".repeat(DIGEST_BYTES * 2))
  for (const hex of [...pages, ...names]) put(hex)
  const payload = Base64Url.encode(bytes)
  return ResumeToken.make(`${VERSION}.${checksum(payload)}.${payload}`)
}

/** Reads a token for a query; fails with `InvalidResumeToken` if it is not one of this version and this query. */
export const decode = (token: string, query: string): Effect.Effect<Position, SessionsError> => {
  const [version = "", sum, payload = "", ...rest] = token.trim().split(".")
  if (version !== VERSION) {
    return reject(/^hbs\d+$/.test(version) ? `it is of version ${version}, not ${VERSION}` : "it is not one")
  }
  if (rest.length > 0 || sum !== checksum(payload)) return reject("it is damaged")
  const position = Result.match(Base64Url.decode(payload), { onFailure: () => undefined, onSuccess: read })
  if (position === undefined) return reject("it is damaged")
  return position.query === digestOf([query]) ? Effect.succeed(position) : reject("it is of another query")
}

/** Undefined for what is no position. */
const read = (bytes: Uint8Array): Position | undefined => {
  if (bytes.length < HEAD_BYTES) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  const take = (count: number) => {
    const hex = Array.from(bytes.subarray(at, at + count), (byte) => byte.toString(16).padStart(2, "0")).join("")
    at += count
    return hex
  }
  const number = () => {
    at += 4
    return view.getUint32(at - 4, true)
  }
  const query = take(DIGEST_BYTES)
  const [page, pageSize, total, rows] = [number(), number(), number(), number()]
  const digest = take(2 * DIGEST_BYTES)
  const [pageCount = 0, lateCount = 0, flags = 0] = bytes.subarray(at, at + 3)
  at += 3
  const first = take(DIGEST_BYTES)
  const nameCount = (bytes.length - HEAD_BYTES - pageCount * DIGEST_BYTES) / NAME_BYTES
  if (!Number.isInteger(nameCount) || nameCount < lateCount) return undefined
  const pages = Array.from({ length: pageCount }, () => take(DIGEST_BYTES))
  const names = Array.from({ length: nameCount }, () => take(NAME_BYTES))
  return {
    query,
    page,
    pageSize,
    ...(total === NONE ? {} : { total }),
    ...((flags & HAS_FIRST) === 0 ? {} : { first }),
    ...((flags & LATE_CUT) === 0 ? {} : { isLateCut: true as const }),
    rows,
    digest,
    pages,
    late: names.slice(0, lateCount),
    last: names.slice(lateCount)
  }
}

const reject = (detail: string) => Effect.fail(new SessionsError({ reason: new InvalidResumeToken({ detail }) }))

/** Tokens are copied by hand and cut by terminals. */
const checksum = (payload: string): string => digestOf([payload]).slice(0, 8)
