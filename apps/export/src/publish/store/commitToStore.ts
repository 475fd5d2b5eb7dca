/**
 * Publishes a generation in a bucket, and completes a publication that was interrupted.
 *
 * The order is: the files, under names that no other run uses; then the generation's manifest, created only if there is
 * none, which is the commit; then what follows from it: `manifest.json`, `sessions.csv`, and the removal of what no kept
 * generation needs. Nothing is removed before the commit: a run that was believed dead could still commit it.
 */
import type { AppError } from "@hb-sessions/app-kit/AppError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { PlatformError } from "effect/PlatformError"
import * as Stream from "effect/Stream"
import { exitCodes, fail } from "../../exitCodes.ts"
import { S3Client } from "../../s3/S3Client.ts"
import type { S3Error } from "../../s3/S3Error.ts"
import { format } from "../../s3/S3Location.ts"
import { manifestPath, names } from "../Layout.ts"
import { filesOf, type Manifest, neededPaths } from "../Manifest.ts"
import type { Staging } from "../Staging.ts"
import type { StoredManifest } from "../StoredManifest.ts"
import * as conditionalWrites from "./conditionalWrites.ts"
import * as StoreContents from "./StoreContents.ts"

/** Files that are sent at the same time. */
const CONCURRENT_FILES = 2

/** How often a write is tried that other runs get in the way of. */
const MAX_ROUNDS = 10

/** Publishes the files below `data` in the staging directory, with their manifest. */
export const commitToStore = Effect.fn("commitToStore")(function* (staging: Staging, next: StoredManifest) {
  yield* uploadFiles(staging, next.manifest)
  yield* createManifest(next)
  yield* reconcileStore(next)
})

/** Sends the files that the generation adds. */
const uploadFiles = Effect.fnUntraced(function* (
  staging: Staging,
  manifest: Manifest
): Effect.fn.Return<void, S3Error | PlatformError, S3Client> {
  const s3 = yield* S3Client
  const added = filesOf(manifest).filter(({ generation }) => generation === manifest.generation)
  yield* Effect.forEach(
    added,
    ({ bytes, path, sha256 }) => s3.upload(path, staging.path("data", path.replace(/^.*\//, "")), { bytes, sha256 }),
    { concurrency: CONCURRENT_FILES, discard: true }
  )
})

/** The commit. Fails with exit code 75 if another run has committed this generation, or a later one without this one. */
const createManifest = Effect.fnUntraced(function* ({
  manifest: { generation },
  sha256,
  text
}: StoredManifest): Effect.fn.Return<void, AppError | S3Error, S3Client> {
  const key = manifestPath(generation)
  if (Option.isNone(yield* conditionalWrites.create(key, text))) {
    const found = yield* StoreContents.read(key)
    // The answer to our own write may have been lost.
    if (!Option.exists(found, ({ stored }) => stored.text === text)) return yield* superseded(generation)
  }
  const { committed } = yield* StoreContents.list
  const later = committed.filter((other) => other > generation)
  if (later.length === 0) return
  // Either the next generation follows this one, or this one came after its number had been used and removed.
  const following = yield* StoreContents.read(manifestPath(generation + 1))
  if (!Option.exists(following, ({ stored }) => stored.manifest.previous?.sha256 === sha256)) {
    return yield* superseded(later.at(-1) ?? generation)
  }
})

const superseded = Effect.fnUntraced(function* (generation: number): Effect.fn.Return<never, AppError, S3Client> {
  const s3 = yield* S3Client
  return yield* fail(
    exitCodes.locked,
    `another run published generation ${generation} of ${format(s3.location)} meanwhile; this run published nothing`
  )
})

/** Brings everything in line with a committed manifest, unless a newer one is there; idempotent. */
export const reconcileStore = Effect.fn("reconcileStore")(function* (next: StoredManifest) {
  yield* replacePointer(next)
  yield* replaceLatest
  yield* cleanup(next.manifest)
})

/** Lets `manifest.json` be the given manifest, unless it is of a later generation. */
const replacePointer = Effect.fnUntraced(function* ({
  manifest: { generation },
  text
}: StoredManifest): Effect.fn.Return<void, AppError | S3Error, S3Client> {
  const key = names.manifest
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const now = yield* StoreContents.read(key)
    if (Option.exists(now, ({ stored }) => stored.manifest.generation >= generation)) return
    const written = Option.isNone(now)
      ? yield* conditionalWrites.create(key, text)
      : yield* conditionalWrites.replace(key, text, now.value.etag)
    if (Option.isNone(written)) continue
    // A store may know no conditions for it: so a run looks again after it has written.
    const newest = (yield* StoreContents.list).committed.at(-1) ?? 0
    if (newest <= generation) return
    const later = yield* StoreContents.read(manifestPath(newest))
    return yield* Option.isSome(later) ? replacePointer(later.value.stored) : Effect.void
  }
  const s3 = yield* S3Client
  return yield* fail(
    exitCodes.disk,
    `${format(s3.location, key)} is written by others all the time; generation ${generation} is committed, and the next run completes it`
  )
})

/** Puts the current data beside the manifest, if that is one file, and looks again whether it is still the current one. */
const replaceLatest: Effect.Effect<void, AppError | S3Error, S3Client> = Effect.gen(function* () {
  const s3 = yield* S3Client
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const before = yield* StoreContents.read(names.manifest)
    if (Option.isNone(before)) return
    const { files, generation, latest } = before.value.stored.manifest
    const newest = files.at(-1)
    if (latest !== undefined && newest !== undefined && !(yield* isCopyOf(latest, newest.sha256))) {
      // It is gone if a newer generation was published and removed it.
      yield* s3.copy(newest.path, latest).pipe(Effect.catchReason("S3Error", "NotFound", () => Effect.void))
    }
    const beside = Array.from(yield* Stream.runCollect(s3.list(LATEST)), ({ key }) => key)
    yield* s3.remove(beside.filter((key) => key !== latest && isLatest(key)))
    const after = yield* StoreContents.read(names.manifest)
    if (Option.exists(after, ({ stored }) => stored.manifest.generation === generation)) return
  }
}).pipe(Effect.withSpan("replaceLatest"))

/** What the names of all files beside the manifest begin with. */
const LATEST = "sessions."

/** Whether a key is that of the current data in one of the formats. */
const isLatest = (key: string): boolean => /^sessions\.[a-z]+(\.gz|\.zst)?$/.test(key)

const isCopyOf = Effect.fnUntraced(function* (key: string, sha256: string) {
  const s3 = yield* S3Client
  return Option.exists(yield* s3.head(key), (found) => found.sha256 === sha256)
})

/**
 * Removes what no kept generation needs, of this generation and earlier ones.
 *
 * What is there of later ones may belong to a run that has begun since. What others left of this one cannot be committed
 * any more, as its manifest exists.
 */
const cleanup = Effect.fnUntraced(function* (manifest: Manifest): Effect.fn.Return<void, AppError | S3Error, S3Client> {
  const s3 = yield* S3Client
  const { generation, oldestKept } = manifest
  const oldest = yield* StoreContents.read(manifestPath(oldestKept)).pipe(Effect.orElseSucceed(() => Option.none()))
  // Without it, it is unknown which files are needed.
  if (Option.isNone(oldest)) return
  const needed = new Set(neededPaths(manifest, oldest.value.stored.manifest))
  for (let kept = oldestKept; kept <= generation; kept++) needed.add(manifestPath(kept))
  const probes = yield* Stream.runCollect(s3.list(conditionalWrites.PROBE))
  yield* s3.remove(Array.from(probes, ({ key }) => key))
  const { keys } = yield* StoreContents.list
  yield* s3.remove(keys.filter((each) => each.generation <= generation && !needed.has(each.key)).map(({ key }) => key))
  const isLeft = (key: string) => {
    const of = StoreContents.generationOfKey(key)
    return of === undefined ? isLatest(key) : of <= generation
  }
  yield* s3.listUploads("").pipe(
    Stream.filter(({ key }) => isLeft(key)),
    Stream.runForEach((upload) => s3.abort(upload))
  )
})
