/**
 * A request as it came in, taken apart.
 */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http"
import { Failure } from "./Failure.ts"

/** A request, whole. */
export interface Incoming {
  readonly method: string
  /** Empty for the service itself. */
  readonly bucket: string
  /** Decoded; empty for the bucket. */
  readonly key: string
  /** As it was sent, without the query. */
  readonly rawPath: string
  /** Decoded; the first of each name. */
  readonly query: ReadonlyMap<string, string>
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** What the URL and the host name say. */
export type Target = Pick<Incoming, "bucket" | "key" | "rawPath" | "query">

/** Buckets in the name of the host: those of AWS, and below `localhost`. */
const VIRTUAL_HOST = /^(.+)\.(?:s3[.-](?:[a-z0-9-]+\.)?amazonaws\.com(?:\.cn)?|localhost)(?::\d+)?$/

/** Reads the bucket, the key and the query of a request. */
export const targetOf = ({ headers, url = "/" }: IncomingMessage): Target => {
  const [rawPath = "/", search = ""] = url.split(/\?(.*)/s)
  const query = new Map<string, string>()
  for (const pair of search === "" ? [] : search.split("&")) {
    const [name = "", value = ""] = pair.split(/=(.*)/s).map(decode)
    if (!query.has(name)) query.set(name, value)
  }
  const path = decode(rawPath.slice(1))
  const virtual = VIRTUAL_HOST.exec(headers.host ?? "")?.[1]
  if (virtual !== undefined) return { bucket: virtual, key: path, rawPath, query }
  const slash = path.indexOf("/")
  return slash === -1
    ? { bucket: path, key: "", rawPath, query }
    : { bucket: path.slice(0, slash), key: path.slice(slash + 1), rawPath, query }
}

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new Failure(400, "InvalidURI", "Couldn't parse the specified URI.")
  }
}

/** A header that is sent once. */
export const header = ({ headers }: Pick<Incoming, "headers">, name: string): string | undefined => {
  const value = headers[name]
  return Array.isArray(value) ? value.join(",") : value
}

/** The longest body, in bytes. */
const MAX_BODY = 1024 ** 3

/** Reads the body of a request to its end. */
export const bodyOf = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Array<Buffer> = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_BODY) throw new Failure(400, "EntityTooLarge", "Your proposed upload exceeds the maximum size")
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Rejects a request that does not say how long its body is. */
export const checkLength = ({ headers }: IncomingMessage): void => {
  if (headers["content-length"] === undefined) {
    throw new Failure(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
  }
}
