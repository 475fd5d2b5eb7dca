/**
 * Writes an object from a file, in parts if it is large.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { badArgument, type PlatformError } from "effect/PlatformError"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import { createHash } from "node:crypto"
import * as answers from "./answers.ts"
import { inParts, partsOf } from "./multipart.ts"
import { type S3Connection, send, stream, toS3Error, unexpected } from "./S3Connection.ts"
import type { S3Error } from "./S3Error.ts"
import { bodyOf } from "./writeObjects.ts"

const PERMISSIONS = "s3:PutObject"

/** The length of a file, and its SHA-256 in hexadecimal. */
interface Measures {
  readonly bytes: number
  readonly sha256: string
}

/** Writes an object from a file; fails if the file has not this length and digest. */
export const uploadFile = (
  connection: S3Connection,
  key: string,
  file: string,
  measures: Measures
): Effect.Effect<void, S3Error | PlatformError, FileSystem.FileSystem> =>
  measures.bytes > connection.limits.singleBytes
    ? uploadParts(connection, key, file, measures)
    : uploadWhole(connection, key, file, measures)

const uploadWhole = Effect.fnUntraced(function* (
  connection: S3Connection,
  key: string,
  file: string,
  { bytes, sha256 }: Measures
) {
  const fs = yield* FileSystem.FileSystem
  yield* checkSize(connection, key, file, bytes)
  yield* stream(
    connection,
    () => ({
      action: "PutObject",
      permissions: PERMISSIONS,
      method: "PUT",
      key,
      headers: { [answers.DIGEST]: sha256 },
      body: { bytes, sha256, stream: exactly(fs.stream(file, { bytesToRead: bytes }), bytes) }
    }),
    answers.headers
  )
})

/** Fails at the end of a stream that has fewer bytes, for which the store would wait. */
const exactly = (chunks: Stream.Stream<Uint8Array, PlatformError>, bytes: number) =>
  Stream.suspend(() => {
    let rest = bytes
    const counted = Stream.tap(chunks, (chunk) => Effect.sync(() => (rest -= chunk.length)))
    const end = Effect.suspend(() =>
      rest === 0
        ? Effect.void
        : Effect.fail(badArgument({ module: "S3Client", method: "upload", description: "the file became shorter" }))
    )
    return Stream.concat(counted, Stream.drain(Stream.fromEffect(end)))
  })

/** A file that has another length can be sent to no good end. */
const checkSize = Effect.fnUntraced(function* (connection: S3Connection, key: string, file: string, bytes: number) {
  const { size } = yield* (yield* FileSystem.FileSystem).stat(file)
  if (Number(size) !== bytes) return yield* changed(connection, key)
})

const changed = (connection: S3Connection, key: string) =>
  toS3Error(
    connection.location,
    { action: "PutObject", key },
    unexpected("the file changed while it was sent; run again")
  )

/** Sends a file part by part; only as many of them as are in flight are in memory. */
const uploadParts = Effect.fnUntraced(function* (
  connection: S3Connection,
  key: string,
  file: string,
  { bytes, sha256 }: Measures
) {
  const fs = yield* FileSystem.FileSystem
  yield* checkSize(connection, key, file, bytes)
  const handle = yield* fs.open(file, { flag: "r" })
  const parts = partsOf(bytes, connection.limits.partBytes)
  const reading = yield* Semaphore.make(1)
  const hash = createHash("sha256")
  /** Buffers whose parts are sent. */
  const free: Array<Uint8Array> = []
  let index = 0
  // One after another, so that the digest of the whole file comes out.
  const readNext = reading.withPermits(1)(
    Effect.gen(function* () {
      const number = index + 1
      const { length, start } = parts[index++] ?? { length: 0, start: 0 }
      const buffer = (free.pop() ?? new Uint8Array(parts[0]?.length ?? 0)).subarray(0, length)
      for (let filled = 0; filled < length;) {
        const count = yield* handle.read(buffer.subarray(filled), { position: BigInt(start + filled) })
        if (count === 0) return yield* changed(connection, key)
        filled += count
      }
      hash.update(buffer)
      return { buffer, number }
    })
  )
  yield* inParts(connection, { key, bytes, sha256 }, (uploadId) =>
    Effect.gen(function* () {
      const etags: Array<string> = []
      const sendNext = Effect.flatMap(readNext, ({ buffer, number }) =>
        Effect.map(uploadPart(connection, key, { uploadId, number, buffer }), (etag) => {
          etags[number - 1] = etag
          free.push(buffer)
        })
      )
      yield* Effect.forEach(parts, () => sendNext, {
        concurrency: connection.limits.parallelParts,
        discard: true
      })
      if (hash.digest("hex") !== sha256) return yield* changed(connection, key)
      return etags
    })
  )
}, Effect.scoped)

const uploadPart = (
  connection: S3Connection,
  key: string,
  part: { readonly uploadId: string; readonly number: number; readonly buffer: Uint8Array }
) =>
  send(
    connection,
    {
      action: "UploadPart",
      permissions: PERMISSIONS,
      method: "PUT",
      key,
      query: { partNumber: String(part.number), uploadId: part.uploadId },
      body: bodyOf(part.buffer)
    },
    (incoming, meaning) =>
      Effect.map(
        Effect.flatMap(answers.headers(incoming, meaning), (headers) => answers.writtenOf(headers)),
        ({ etag }) => etag
      )
  )
