/**
 * What a bucket holds of an export, and the manifests in it.
 *
 * Creating `generations/<n>/manifest.json` is the commit of a generation. `manifest.json` beside it is where readers begin,
 * and follows: a run that was killed between the two leaves it behind, and the next run puts it right.
 */
import type { AppError } from "@hb-sessions/app-kit/AppError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { exitCodes, fail } from "../../exitCodes.ts"
import type { S3Error } from "../../s3/S3Error.ts"
import { S3Client } from "../../s3/S3Client.ts"
import { format } from "../../s3/S3Location.ts"
import { generationOf, manifestPath, names } from "../Layout.ts"
import * as StoredManifest from "../StoredManifest.ts"

/** The keys below `generations/`. */
export interface StoreContents {
  readonly keys: ReadonlyArray<{ readonly key: string; readonly generation: number }>
  /** The generations with a manifest, ascending. */
  readonly committed: ReadonlyArray<number>
}

/** Lists the keys below `generations/`. */
export const list: Effect.Effect<StoreContents, S3Error, S3Client> = Effect.gen(function* () {
  const s3 = yield* S3Client
  const found = yield* Stream.runCollect(s3.list(`${names.generations}/`))
  const keys = Array.from(found).flatMap(({ key }) => {
    const generation = generationOfKey(key)
    return generation === undefined ? [] : [{ key, generation }]
  })
  const committed = keys.filter(({ generation, key }) => key === manifestPath(generation))
  const contents: StoreContents = {
    keys,
    committed: committed.map(({ generation }) => generation).toSorted((a, b) => a - b)
  }
  return contents
})

/** The generation that a key belongs to; undefined for none. */
export const generationOfKey = (key: string): number | undefined => {
  const [top, home = ""] = key.split("/")
  return top === names.generations ? generationOf(home) : undefined
}

/** A manifest as it is stored, with the ETag of its object. */
export interface StoredObject {
  readonly stored: StoredManifest.StoredManifest
  readonly etag: string
}

/** Reads a manifest; none if there is none. Fails as `StoredManifest.decode` does. */
export const read = Effect.fn("StoreContents.read")(function* (
  key: string
): Effect.fn.Return<Option.Option<StoredObject>, AppError | S3Error, S3Client> {
  const s3 = yield* S3Client
  const found = yield* s3.get(key)
  if (Option.isNone(found)) return Option.none()
  const { body, etag } = found.value
  const stored = yield* StoredManifest.decode(new TextDecoder().decode(body), format(s3.location, key))
  return Option.some({ stored, etag })
})

/**
 * The newest committed generation; none if nothing was ever committed.
 *
 * Rejects a bucket that was modified: one without the manifest of the generation that `manifest.json` is of, or with a
 * different one.
 */
export const published: Effect.Effect<
  Option.Option<StoredManifest.StoredManifest>,
  AppError | S3Error,
  S3Client
> = Effect.gen(function* () {
  const s3 = yield* S3Client
  const { committed } = yield* list
  const pointer = Option.getOrUndefined(yield* read(names.manifest))?.stored
  const newest = committed.at(-1)
  if (newest === undefined && pointer === undefined) return Option.none()
  const generation = Math.max(newest ?? 0, pointer?.manifest.generation ?? 0)
  const place = format(s3.location, manifestPath(generation))
  const found = Option.getOrUndefined(yield* read(manifestPath(generation)))?.stored
  const problem =
    found === undefined
      ? `${format(s3.location, names.manifest)} is of generation ${generation}, but ${place} does not exist; copy the first to the second if the files in ${names.generations} are there, or remove both to start over`
      : found.manifest.generation !== generation
        ? `${place} is of generation ${found.manifest.generation}, so it was modified; restore it from a backup`
        : pointer?.manifest.generation === generation && pointer.text !== found.text
          ? `${format(s3.location, names.manifest)} differs from ${place}, so one of them was modified; copy the right one over the other`
          : undefined
  if (problem === undefined) return Option.fromUndefinedOr(found)
  // Another run may have published, and removed this one, meanwhile.
  if ((yield* list).committed.at(-1) !== newest) return yield* published
  return yield* fail(exitCodes.usage, problem)
})
