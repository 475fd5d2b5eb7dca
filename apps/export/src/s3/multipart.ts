/**
 * Objects that are written in parts.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as answers from "./answers.ts"
import { headObject, notFound } from "./readObjects.ts"
import { type S3Connection, send, toS3Error, unexpected } from "./S3Connection.ts"
import type { S3Error } from "./S3Error.ts"
import type { UnfinishedUpload } from "./S3Object.ts"
import * as S3Xml from "./S3Xml.ts"
import { textBody } from "./writeObjects.ts"

/** The most parts of an upload. */
export const MAX_PARTS = 10_000

/** Where each part begins, and how long it is; at least so long, and longer where there would be too many. */
export const partsOf = (
  bytes: number,
  atLeast: number
): ReadonlyArray<{ readonly start: number; readonly length: number }> => {
  const length = Math.max(atLeast, Math.ceil(bytes / MAX_PARTS))
  return Array.from({ length: Math.ceil(bytes / length) }, (_, index) => ({
    start: index * length,
    length: Math.min(length, bytes - index * length)
  }))
}

/** The object that the parts make. */
interface Whole {
  readonly key: string
  readonly bytes: number
  /** Kept with the object; undefined for none. */
  readonly sha256: string | undefined
}

/**
 * Writes an object in parts; whatever keeps it from being completed aborts the upload.
 *
 * `transfer` sends the parts, and succeeds with their ETags.
 */
export const inParts = <E, R>(
  connection: S3Connection,
  object: Whole,
  transfer: (uploadId: string) => Effect.Effect<ReadonlyArray<string>, E, R>
): Effect.Effect<void, E | S3Error, R> =>
  Effect.acquireUseRelease(
    Effect.interruptible(createUpload(connection, object)),
    (uploadId) =>
      Effect.flatMap(transfer(uploadId), (etags) => completeUpload(connection, { ...object, uploadId }, etags)),
    (uploadId, exit) =>
      exit._tag === "Success"
        ? Effect.void
        : abortUpload(connection, { key: object.key, uploadId }).pipe(
            // Or the time limit would wait for it.
            Effect.interruptible,
            Effect.timeoutOption(connection.limits.abortMillis),
            // The next run aborts what is left.
            Effect.ignore
          )
  )

const createUpload = (connection: S3Connection, { key, sha256 }: Whole) =>
  send(
    connection,
    {
      action: "CreateMultipartUpload",
      permissions: "s3:PutObject",
      method: "POST",
      key,
      query: { uploads: "" },
      headers: sha256 === undefined ? {} : { [answers.DIGEST]: sha256 }
    },
    Effect.fnUntraced(function* (incoming, meaning) {
      const [result] = yield* answers.document("InitiateMultipartUploadResult")(incoming, meaning)
      const id = Option.filter(result.text("UploadId"), (text) => text !== "")
      return Option.isSome(id) ? id.value : yield* unexpected("unexpected answer: an upload without an id")
    })
  )

const completeUpload = Effect.fnUntraced(function* (
  connection: S3Connection,
  { bytes, key, uploadId }: Whole & { readonly uploadId: string },
  etags: ReadonlyArray<string>
) {
  const parts = etags.map(
    (etag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>"${S3Xml.escape(etag)}"</ETag></Part>`
  )
  yield* send(
    connection,
    {
      action: "CompleteMultipartUpload",
      permissions: "s3:PutObject",
      method: "POST",
      key,
      query: { uploadId },
      headers: { "content-type": "application/xml" },
      body: textBody(
        `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${parts.join("")}</CompleteMultipartUpload>`
      ),
      idleMillis: connection.limits.workMillis
    },
    answers.document("CompleteMultipartUploadResult")
  ).pipe(
    // An attempt whose answer was lost completed it: its size tells.
    Effect.catchReason("S3Error", "NotFound", () => Effect.void)
  )
  const found = yield* headObject(connection, key)
  if (Option.isNone(found)) return yield* notFound(connection, "CompleteMultipartUpload", key)
  if (found.value.size !== bytes) {
    const wrong = unexpected(`the completed object has ${found.value.size} bytes, not ${bytes}`)
    return yield* toS3Error(connection.location, { action: "CompleteMultipartUpload", key }, wrong)
  }
})

/** Aborts an upload; one that is gone is no failure. */
export const abortUpload = (
  connection: S3Connection,
  { key, uploadId }: Pick<UnfinishedUpload, "key" | "uploadId">
): Effect.Effect<void, S3Error> =>
  send(
    connection,
    {
      action: "AbortMultipartUpload",
      permissions: "s3:AbortMultipartUpload",
      method: "DELETE",
      key,
      query: { uploadId }
    },
    answers.headers
  ).pipe(
    Effect.asVoid,
    Effect.catchReason("S3Error", "NotFound", () => Effect.void)
  )
