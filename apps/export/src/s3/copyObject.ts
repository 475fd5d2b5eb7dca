/**
 * Copies an object inside the store.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as answers from "./answers.ts"
import { inParts, partsOf } from "./multipart.ts"
import { headObject, notFound } from "./readObjects.ts"
import { type S3Connection, send, unexpected } from "./S3Connection.ts"
import type { S3Error } from "./S3Error.ts"
import { fullKey } from "./S3Location.ts"
import type { ObjectInfo } from "./S3Object.ts"
import { encodeKey } from "./S3Url.ts"

const PERMISSIONS = "s3:GetObject and s3:PutObject"

/** Copies an object, in parts if it is large; fails with `NotFound` if it is absent. */
export const copyObject = Effect.fnUntraced(function* (connection: S3Connection, from: string, to: string) {
  const found = yield* headObject(connection, from)
  if (Option.isNone(found)) return yield* notFound(connection, "CopyObject", from)
  const source = {
    "x-amz-copy-source": `/${connection.location.bucket}/${encodeKey(fullKey(connection.location, from))}`,
    // Nothing else than what was measured.
    "x-amz-copy-source-if-match": `"${found.value.etag}"`
  }
  yield* found.value.size > connection.limits.copyBytes
    ? copyParts(connection, to, found.value, source)
    : copyWhole(connection, to, source)
})

type Source = Readonly<Record<string, string>>

const copyWhole = (connection: S3Connection, to: string, source: Source) =>
  send(
    connection,
    {
      action: "CopyObject",
      permissions: PERMISSIONS,
      method: "PUT",
      key: to,
      headers: source,
      idleMillis: connection.limits.workMillis
    },
    answers.document("CopyObjectResult")
  )

const copyParts = (
  connection: S3Connection,
  to: string,
  { sha256, size }: ObjectInfo,
  source: Source
): Effect.Effect<void, S3Error> =>
  inParts(connection, { key: to, bytes: size, sha256 }, (uploadId) =>
    Effect.forEach(
      partsOf(size, connection.limits.copyPartBytes),
      ({ length, start }, index) =>
        send(
          connection,
          {
            action: "UploadPartCopy",
            permissions: PERMISSIONS,
            method: "PUT",
            key: to,
            query: { partNumber: String(index + 1), uploadId },
            headers: { ...source, "x-amz-copy-source-range": `bytes=${start}-${start + length - 1}` },
            idleMillis: connection.limits.workMillis
          },
          Effect.fnUntraced(function* (incoming, meaning) {
            const [result] = yield* answers.document("CopyPartResult")(incoming, meaning)
            const etag = Option.map(result.text("ETag"), answers.unquoted)
            return Option.isSome(etag)
              ? etag.value
              : yield* unexpected("unexpected answer: a copied part without an ETag")
          })
        ),
      { concurrency: connection.limits.parallelParts }
    )
  )
