/**
 * Reads objects.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type { PlatformError } from "effect/PlatformError"
import * as Stream from "effect/Stream"
import { Permanent, Transient } from "./AttemptFailed.ts"
import * as answers from "./answers.ts"
import { readBody } from "./readBody.ts"
import { type S3Connection, type S3Request, send, stream, toS3Error, unexpected } from "./S3Connection.ts"
import { NotFound, S3Error } from "./S3Error.ts"
import type { ObjectInfo, SmallObject } from "./S3Object.ts"

const MAX_BYTES = 256 * 1024 ** 2

const request = (key: string, headers: Readonly<Record<string, string>> = {}) =>
  ({
    action: "GetObject",
    permissions: "s3:GetObject on it, and s3:ListBucket on the bucket, without which absent objects look forbidden",
    method: "GET",
    key,
    headers
  }) satisfies S3Request

/** None for an object that is absent. */
const orNone = <A>(found: Effect.Effect<A, S3Error>): Effect.Effect<Option.Option<A>, S3Error> =>
  found.pipe(
    Effect.asSome,
    Effect.catchReason("S3Error", "NotFound", () => Effect.succeedNone)
  )

/** Reads an object whole; none if it is absent. */
export const getObject = (
  connection: S3Connection,
  key: string,
  maxBytes = MAX_BYTES
): Effect.Effect<Option.Option<SmallObject>, S3Error> =>
  orNone(
    send(connection, request(key), (incoming) =>
      Effect.gen(function* () {
        const info = yield* answers.infoOf(incoming.headers)
        const body = yield* readBody(incoming, maxBytes)
        return { ...info, size: body.length, body }
      })
    )
  )

/**
 * What the store says about an object; none if it is absent.
 *
 * A failure of `HEAD` has no body that says why, so it is asked for with `GET`.
 */
export const headObject = (
  connection: S3Connection,
  key: string
): Effect.Effect<Option.Option<ObjectInfo>, S3Error> => {
  const info = (asked: S3Request) =>
    send(connection, asked, (incoming, meaning) =>
      Effect.flatMap(answers.headers(incoming, meaning), (headers) => answers.infoOf(headers))
    )
  return orNone(
    Effect.catchIf(
      info({ ...request(key), action: "HeadObject", method: "HEAD" }),
      ({ reason }) => reason._tag !== "Unreachable",
      () => info(request(key, { range: "bytes=0-0" }))
    )
  )
}

/**
 * Streams an object to a file.
 *
 * A cut transfer goes on where it was cut, if the object is still the same; every byte that arrives earns it all its
 * attempts again.
 */
export const downloadObject = (
  connection: S3Connection,
  key: string,
  file: string,
  bytes: number
): Effect.Effect<void, S3Error | PlatformError, FileSystem.FileSystem> =>
  Effect.scoped(
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const handle = yield* fs.open(file, { flag: "w" })
      let written = 0
      let etag = ""
      const rest = () => request(key, written === 0 ? {} : { range: `bytes=${written}-`, "if-match": `"${etag}"` })
      const attempts = Effect.suspend(() => {
        const before = written
        return stream(connection, rest, (incoming) =>
          Effect.gen(function* () {
            const info = yield* answers.infoOf(incoming.headers)
            if (info.size !== bytes) return yield* unexpected(`it has ${info.size} bytes, not ${bytes}`)
            if (written > 0 && (incoming.status !== 206 || info.etag !== etag)) return yield* changed
            etag = info.etag
            yield* Stream.runForEach(incoming.stream, (chunk): Effect.Effect<void, PlatformError | Permanent> => {
              if (written + chunk.length > bytes) return Effect.fail(unexpected(`more than ${bytes} bytes`))
              return Effect.tap(handle.writeAll(chunk), () => Effect.sync(() => (written += chunk.length)))
            })
            // A proxy can end a body early without cutting it.
            if (written < bytes) return yield* new Transient({ detail: `${written} of ${bytes} bytes` })
          })
        ).pipe(Effect.mapError((error) => ({ error, hasProgress: written > before })))
      })
      yield* attempts.pipe(
        Effect.retry({
          while: ({ error, hasProgress }) =>
            hasProgress && error._tag === "S3Error" && error.reason._tag === "Unreachable"
        }),
        Effect.mapError(({ error }) => error),
        // The object that was being read does not exist any more.
        Effect.catchReason("S3Error", "PreconditionFailed", () =>
          Effect.fail(toS3Error(connection.location, request(key), changed))
        )
      )
    })
  )

const changed = unexpected("the object changed while it was read; run again")

/** The failure of an object that has to be there. */
export const notFound = (connection: S3Connection, action: string, key: string): S3Error =>
  toS3Error(connection.location, { action, key }, new Permanent({ reason: new NotFound() }))
