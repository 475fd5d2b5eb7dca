/**
 * How the answers of the object store are read.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { readBody } from "./readBody.ts"
import { type Take, unexpected } from "./S3Connection.ts"
import type { ObjectInfo } from "./S3Object.ts"
import * as S3Xml from "./S3Xml.ts"

/** The longest document that is read, in bytes: a thousand keys of a kilobyte, three characters for each byte. */
const MAX_DOCUMENT = 8 * 1024 ** 2

/** Reads a document whose root has this name, and gives it with the headers. */
export const document =
  (root: string): Take<readonly [S3Xml.S3Xml, Headers]> =>
  (incoming, meaning) =>
    Effect.flatMap(readBody(incoming, MAX_DOCUMENT), (body) => {
      const found = S3Xml.parse(body)
      if (Option.isSome(found) && found.value.name === root) {
        return Effect.succeed([found.value, incoming.headers] as const)
      }
      // A store that has begun its answer cannot take back its status.
      if (Option.isSome(found) && found.value.name === "Error") return Effect.fail(meaning({ ...incoming, body }))
      return Effect.fail(
        unexpected(`unexpected answer HTTP ${incoming.status} without a ${root}; check AWS_ENDPOINT_URL_S3`)
      )
    })

/** The header in which an uploaded object keeps the SHA-256 of its content. */
export const DIGEST = "x-amz-meta-sha256"

/** The headers of an answer. */
export type Headers = Readonly<Record<string, string | undefined>>

/** Reads the headers, and whatever follows them. */
export const headers: Take<Headers> = (incoming) => Effect.as(readBody(incoming, MAX_DOCUMENT), incoming.headers)

/** What the headers say about an object that was read. */
export const infoOf = (found: Headers) =>
  Effect.gen(function* () {
    const { etag, serverTime } = yield* writtenOf(found)
    const lastModified = yield* timeOf(found, "last-modified")
    const length = /\/(\d+)$/.exec(found["content-range"] ?? "")?.[1] ?? found["content-length"] ?? ""
    if (!/^\d+$/.test(length)) return yield* unexpected("unexpected answer without content-length")
    const sha256 = found[DIGEST]
    return {
      etag,
      size: Number(length),
      lastModified,
      serverTime,
      ...(sha256 === undefined ? {} : { sha256 })
    } satisfies ObjectInfo
  })

/** What the headers say about an object that was written. */
export const writtenOf = (found: Headers) =>
  Effect.gen(function* () {
    const etag = unquoted(found["etag"] ?? "")
    if (etag === "") return yield* unexpected("unexpected answer without an ETag")
    return { etag, serverTime: yield* timeOf(found, "date") }
  })

/** An ETag without its quotes. */
export const unquoted = (etag: string): string => etag.replace(/^(?:W\/)?"(.*)"$/, "$1")

const timeOf = (found: Headers, name: string) => {
  const time = Date.parse(found[name] ?? "")
  return Number.isNaN(time)
    ? Effect.fail(unexpected(`unexpected answer without a time in ${name}`))
    : Effect.succeed(time)
}
