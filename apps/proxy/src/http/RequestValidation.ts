/**
 * What a request must look like before anything else is read of it.
 *
 * Node's parser rejects most malformed messages by itself (both lengths at once, unknown transfer codings, bare line
 * feeds, white space in header names). This rejects what it lets through and two servers could read differently.
 */
import { type Rejection, reject } from "./Problem.ts"

/** The part of an incoming message that is looked at. */
export interface RawRequest {
  readonly httpVersionMajor: number
  readonly httpVersionMinor: number
  /** Names and values in turn, as they came. */
  readonly rawHeaders: ReadonlyArray<string>
}

/** Longest target of a request, in characters. */
export const maxUrlLength = 8192
/** Longest query, in characters: every answer is kept by it. */
export const maxQueryLength = 2048
/** Longest query of a whole list, which may hold a token, and is not kept. */
export const maxListQueryLength = 4096
const OF_LIST = /^\/v1\/sessions(?:\.[a-z]+)?\?/
/** Most header lines. */
export const maxHeaderLines = 100
/** Most bytes of all headers together. */
export const maxHeaderBytes = 16_384

const malformed = (detail: string): Rejection => reject("malformed-request", detail, { close: true })

/** The credentials of a request. */
export interface Inspected {
  /** Undefined when there are none. */
  readonly credential: string | undefined
}

const none: Inspected = { credential: undefined }

// Control characters, spaces, backslashes, fragments, and everything that is not ASCII.
const FORBIDDEN_IN_TARGET = /[^\x21\x24-\x5b\x5d-\x7e]/
// Dot segments, empty segments, and the percent-encoded forms of `.`, `/`, `\` and control characters.
const AMBIGUOUS_PATH = /\/\.{1,2}(?:\/|$)|\/\/|%(?:2e|2f|5c|[01][0-9a-f]|7f)|%(?![0-9a-f]{2})/i

/** What a request is for. */
export interface Target {
  readonly path: string
  /** From `?` on; empty without a query. */
  readonly search: string
  /** Why it is not looked at further; undefined if it is. */
  readonly rejection: Rejection | undefined
}

/** Reads a target; those of late are remembered. */
export const targetOf = (url: string): Target => {
  const found = known.get(url)
  if (found !== undefined) return found
  const query = url.indexOf("?")
  const path = query < 0 ? url : url.slice(0, query)
  const target = { path, search: url.slice(path.length), rejection: checkTarget(url, path) }
  if (url.length <= LONGEST_KNOWN) {
    if (known.size >= MOST_KNOWN) known.clear()
    known.set(url, target)
  }
  return target
}

/** Clients ask for few different targets, again and again. */
const known = new Map<string, Target>()
const MOST_KNOWN = 2048
const LONGEST_KNOWN = 256

const checkTarget = (url: string, path: string): Rejection | undefined => {
  if (url.length > maxUrlLength) {
    return reject("uri-too-long", `the URL is longer than ${maxUrlLength} characters`, { close: true })
  }
  if (url.charCodeAt(0) !== SLASH) {
    return malformed("the target of the request must be a path, such as /api/sessions")
  }
  if (FORBIDDEN_IN_TARGET.test(url)) return malformed("the URL holds a character that must be percent-encoded")
  const length = url.length - path.length - 1
  if (length > maxQueryLength) {
    const limit = OF_LIST.test(url) ? maxListQueryLength : maxQueryLength
    if (length > limit) {
      return reject(
        "uri-too-long",
        `the query, which is what follows the ?, has ${length} characters; the limit is ${limit}`
      )
    }
  }
  return AMBIGUOUS_PATH.test(path)
    ? malformed("the path holds a dot segment, an empty segment or an encoded separator")
    : undefined
}

/** Checks the headers of a request and finds its credential. */
export const inspect = ({ httpVersionMajor, httpVersionMinor, rawHeaders }: RawRequest): Rejection | Inspected => {
  if (rawHeaders.length > maxHeaderLines * 2) {
    return reject("headers-too-large", `there are more than ${maxHeaderLines} header lines`, { close: true })
  }
  let hosts = 0
  let credential: string | undefined
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? ""
    // The lengths of the names that matter; the others need not be put into lower case.
    switch (name.length) {
      case 4:
        if (name.toLowerCase() === "host") hosts += 1
        break
      case 9:
      case 13:
      case 14:
      case 17: {
        const lower = name.toLowerCase()
        const value = rawHeaders[index + 1] ?? ""
        if (lower === "transfer-encoding" || (lower === "content-length" && value !== "0")) {
          return malformed("a request must not have a body")
        }
        if (lower === "x-api-key" || lower === "authorization") {
          if (credential !== undefined) return malformed("there is more than one credential; send one")
          credential = lower === "x-api-key" ? value : fromAuthorization(value)
        }
      }
    }
  }
  if (hosts > 1 || (hosts === 0 && (httpVersionMajor > 1 || httpVersionMinor > 0))) {
    return malformed(`there must be one Host header, not ${hosts}`)
  }
  return credential === undefined ? none : { credential }
}

const SLASH = 47

const BEARER = /^bearer +([^ ]+)$/i

/** Another scheme is a credential that is not valid, rather than none. */
const fromAuthorization = (value: string): string => BEARER.exec(value)?.[1] ?? ""

/** Whether a request was rejected. */
export const isRejection = (result: Rejection | Inspected): result is Rejection => "problem" in result
