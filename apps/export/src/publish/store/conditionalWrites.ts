/**
 * Writes that happen only if no other run has written meanwhile, on stores that differ in what they support.
 */
import { AppError } from "@hb-sessions/app-kit/AppError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { exitCodes } from "../../exitCodes.ts"
import { S3Client } from "../../s3/S3Client.ts"
import type { S3Error } from "../../s3/S3Error.ts"
import { format } from "../../s3/S3Location.ts"
import type { Written } from "../../s3/S3Object.ts"

/** The time limit of what a run tidies up at its end; the next run does it otherwise. */
const TIDY_LIMIT = Duration.seconds(5)

/** Tidies up at the end of a scope, as far as that is possible in a short time. */
export const briefly = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<void, never, R> =>
  // Finalizers are uninterruptible: without this, the timeout would wait for the request.
  self.pipe(Effect.interruptible, Effect.timeout(TIDY_LIMIT), Effect.ignore)

/** Creates an object; none if there is one. After a lost answer that can be the one just created. */
export const create = Effect.fn("conditionalWrites.create")(function* (
  key: string,
  body: string
): Effect.fn.Return<Option.Option<Written>, S3Error, S3Client> {
  const s3 = yield* S3Client
  return yield* s3.put(key, body, { ifNoneMatch: "*" }).pipe(
    Effect.asSome,
    Effect.catchReason("S3Error", "PreconditionFailed", () => Effect.succeedNone)
  )
})

/**
 * Replaces an object if it is still the one of an ETag; none if it is not.
 *
 * **Details**
 *
 * Ceph RGW 16 knows only ETags without quotes. Where neither form works although the object is unchanged, it is written
 * without a condition, so a caller that relies on it must look again afterwards.
 */
export const replace = Effect.fn("conditionalWrites.replace")(function* (
  key: string,
  body: string,
  etag: string
): Effect.fn.Return<Option.Option<Written>, S3Error, S3Client> {
  const s3 = yield* S3Client
  for (const quoted of [true, false]) {
    const written = yield* s3.put(key, body, { ifMatch: etag }, { quoted }).pipe(
      Effect.asSome,
      Effect.catchReasons("S3Error", {
        PreconditionFailed: () => Effect.succeedNone,
        NotFound: () => Effect.succeedNone
      })
    )
    if (Option.isSome(written)) return written
    const now = yield* s3.head(key)
    if (!Option.exists(now, (found) => found.etag === etag)) return Option.none()
  }
  return Option.some(yield* s3.put(key, body))
})

/** The beginning of the keys of probes. */
export const PROBE = ".probe-"

/** Creations that succeed although the object is there, after which a store is taken to ignore conditions. */
const PROBES = 3

/**
 * Fails with a usage error if a store ignores conditions: two runs could then commit the same generation.
 *
 * Another run may remove the probe as a leftover, so that one creation more succeeds; hence it is tried several times.
 */
export const check = Effect.fn("conditionalWrites.check")(function* (
  id: string
): Effect.fn.Return<void, AppError | S3Error, S3Client> {
  const s3 = yield* S3Client
  const key = `${PROBE}${id}`
  const isHonoured = yield* Effect.gen(function* () {
    for (let time = 0; time <= PROBES; time++) {
      if (Option.isNone(yield* create(key, String(time)))) return true
    }
    return false
  }).pipe(Effect.ensuring(briefly(s3.remove([key]))))
  if (isHonoured) return
  return yield* new AppError({
    message: `the store of ${format(s3.location)} ignores the condition If-None-Match, so two runs at once could overwrite each other; use a store with conditional writes, such as Amazon S3, or export to a directory`,
    exitCode: exitCodes.usage
  })
})
