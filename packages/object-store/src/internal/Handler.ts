/**
 * What the operations of the store have in common.
 */
import type { Bucket, Contents, StoredObject } from "../Contents.ts"
import { Failure, noSuchKey, notImplemented, preconditionFailed } from "./Failure.ts"
import { header, type Incoming } from "./Incoming.ts"

/** How strict the store is, and how small its pages. */
export interface Rules {
  /** Most entries of a page of a list. */
  readonly pageSize: number
  /** Fewest bytes of a part but the last. */
  readonly minPartBytes: number
  /** Most bytes of an object that is copied in one request. */
  readonly maxCopyBytes: number
  /** Accepts every conditional write, like a careless store. */
  readonly ignoreConditions: boolean
  /** Whether conditions of CompleteMultipartUpload are honoured. */
  readonly completeConditions: boolean
  /** Honours `If-Match` of a write only without quotes, and answers 412 where there is no object, as Ceph RGW 16. */
  readonly unquotedIfMatch: boolean
  /** Whether many objects can be removed in one request. */
  readonly deleteObjects: boolean
}

/** A request to a bucket that exists. */
export interface Asked {
  readonly incoming: Incoming
  readonly contents: Contents
  readonly bucket: Bucket
  readonly rules: Rules
}

/** An answer. */
export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

/** An operation, which happens at once. */
export type Handler = (asked: Asked) => Answer

/** A document as an answer. */
export const xml = (body: string): Answer => ({ status: 200, headers: { "content-type": "application/xml" }, body })

/** Fails where a write is not to happen. */
export const checkWrite = ({ bucket, incoming, rules }: Asked): void => {
  const ifNoneMatch = header(incoming, "if-none-match")
  const ifMatch = header(incoming, "if-match")
  if (rules.ignoreConditions) return
  const current = bucket.objects.get(incoming.key)
  if (ifNoneMatch !== undefined) {
    if (ifNoneMatch !== "*") throw notImplemented("If-None-Match with an ETag")
    if (current !== undefined) throw preconditionFailed("If-None-Match")
  }
  if (ifMatch === undefined) return
  if (rules.unquotedIfMatch) {
    if (current?.etag !== ifMatch) throw preconditionFailed("If-Match")
    return
  }
  if (current === undefined) throw noSuchKey(incoming.key)
  if (!matches(ifMatch, current)) throw preconditionFailed("If-Match")
}

/** Whether a header names the ETag of an object. */
export const matches = (value: string, { etag }: StoredObject): boolean =>
  value.split(",").some((one) => {
    const name = one.trim()
    return name === "*" || name.replace(/^"(.*)"$/, "$1") === etag
  })

/** The object of a request. */
export const existing = (
  { bucket, incoming }: Pick<Asked, "bucket" | "incoming">,
  key = incoming.key
): StoredObject => {
  const found = bucket.objects.get(key)
  if (found === undefined) throw noSuchKey(key)
  return found
}

/** A part of an object, by its first and its last byte. */
export const rangeOf = (text: string, size: number): readonly [first: number, last: number] | undefined => {
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/.exec(text) ?? []
  if (first === "" && last === "") return undefined
  const range =
    first === ""
      ? ([Math.max(0, size - Number(last)), size - 1] as const)
      : ([Number(first), last === "" ? size - 1 : Math.min(Number(last), size - 1)] as const)
  if (range[0] > range[1]) {
    throw new Failure(416, "InvalidRange", "The requested range is not satisfiable", { ActualObjectSize: String(size) })
  }
  return range
}

/** A number in the query within bounds. */
export const numberOf = ({ query }: Incoming, name: string, max: number): number => {
  const text = query.get(name)
  if (text === undefined) return max
  if (!/^\d{1,9}$/.test(text)) throw new Failure(400, "InvalidArgument", `Argument ${name} must be an integer`)
  return Math.min(Number(text), max)
}

/** What a client notes with an object. */
export const aboutOf = (incoming: Incoming) => {
  const contentType = header(incoming, "content-type")
  return {
    ...(contentType === undefined ? {} : { contentType }),
    metadata: Object.fromEntries(
      Object.keys(incoming.headers)
        .filter((name) => name.startsWith("x-amz-meta-"))
        .map((name) => [name, header(incoming, name) ?? ""])
    )
  }
}

/** An ETag as it is sent. */
export const quoted = (etag: string): string => `"${etag}"`
