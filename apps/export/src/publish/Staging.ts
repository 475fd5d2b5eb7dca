/**
 * The staging directory of a run, and the fence against previous runs that wake up.
 *
 * Every change of the published data is a rename out of the run's own staging directory. A new run first moves the
 * staging directories of all others into its own, one atomic rename each, and then reads the manifest. From then on every
 * rename of an older run fails, because its source path is gone; there is no gap between a check and an act. Whatever an
 * older run committed before that is in the manifest.
 */
import { AppError } from "@hb-sessions/app-kit/AppError"
import * as DurableFile from "@hb-sessions/app-kit/DurableFile"
import { fromPlatformError } from "@hb-sessions/app-kit/SystemError"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import { isNotFound, list } from "./Directory.ts"
import { names } from "./Layout.ts"
import { exitCodes } from "../exitCodes.ts"

/** How often a run shows activity. */
export const HEARTBEAT = Duration.seconds(5)

/** Maximum number of quarantined directories. */
const MAX_QUARANTINED = 3

/** The staging directory of this run. */
export interface Staging {
  /** The directory that it is in. */
  readonly directory: string
  /** Distinguishes this run from all others. */
  readonly id: string
  /** The path of a name in the staging directory. */
  readonly path: (...parts: ReadonlyArray<string>) => string
  /** Directories that previous runs left, already out of their reach; newest first. */
  readonly previous: ReadonlyArray<string>
}

/** The failure of a run that lost the lock. */
export const superseded = (name: string): AppError =>
  new AppError({
    message: `this run was inactive for too long and lost the lock of ${name} to another run; it published nothing`,
    exitCode: exitCodes.locked
  })

/**
 * Makes a staging directory and moves those of all previous runs out of their reach.
 *
 * The directory outlives the scope; `discard` removes it. While the scope is open, the run shows activity.
 */
export const fence = Effect.fn("Staging.fence")(function* (directory: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const now = yield* Clock.currentTimeMillis
  const random = (yield* Random.nextIntBetween(0, 2 ** 40)).toString(36)
  // Names sort by age.
  const id = `${now.toString(36).padStart(9, "0")}-${random}`
  const root = path.join(directory, `${names.staging}${id}`)
  const found = (yield* list(directory)).filter((name) => name.startsWith(names.staging))
  yield* fs.makeDirectory(root)
  yield* fs.writeFileString(path.join(root, names.alive), "")
  for (const [index, name] of found.toReversed().entries()) {
    yield* fs.rename(path.join(directory, name), path.join(root, `${names.previous}${index}`)).pipe(
      Effect.catchIf(isNotFound, () => Effect.void),
      // It was there before the file system was mounted, so no live run uses it.
      Effect.catchIf(isOfLowerLayer, () => fs.remove(path.join(directory, name), { recursive: true, force: true }))
    )
  }
  yield* DurableFile.syncDirectory(directory)
  const staging: Staging = {
    directory,
    id,
    path: (...parts) => path.join(root, ...parts),
    previous: yield* nested(root)
  }
  yield* Clock.currentTimeMillis.pipe(
    Effect.flatMap((time) => fs.utimes(staging.path(names.alive), time / 1000, time / 1000)),
    Effect.ignore,
    Effect.repeat(Schedule.spaced(HEARTBEAT)),
    Effect.forkScoped
  )
  return staging
})

/** Overlay file systems, as in containers, cannot rename a directory of an image. */
const isOfLowerLayer = (error: PlatformError): boolean => fromPlatformError(error).code === "EXDEV"

/** A run that was killed during a takeover left nested staging directories. */
const nested = (root: string): Effect.Effect<ReadonlyArray<string>, PlatformError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const path = yield* Path.Path
    const found: Array<string> = []
    for (const name of yield* list(root)) {
      if (!name.startsWith(names.previous)) continue
      const previous = path.join(root, name)
      found.push(previous, ...(yield* nested(previous)))
    }
    return found
  })

/** Fails with exit code 75 if another run has taken over, so that the own staging directory is gone. */
export const orSuperseded =
  (staging: Staging, name: string) =>
  <A, E, R>(
    self: Effect.Effect<A, E | PlatformError, R>
  ): Effect.Effect<A, E | PlatformError | AppError, R | FileSystem.FileSystem> =>
    Effect.catchCause(self, (cause) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const isOurs = yield* Effect.orElseSucceed(fs.exists(staging.path(names.alive)), () => true)
        return yield* isOurs ? Effect.failCause(cause) : Effect.fail(superseded(name))
      })
    )

/** Removes something published, by moving it away first; does nothing if it is gone. */
export const remove = Effect.fn("Staging.remove")(function* (staging: Staging, target: string) {
  const fs = yield* FileSystem.FileSystem
  const random = (yield* Random.nextIntBetween(0, 2 ** 40)).toString(36)
  const trash = staging.path(`trash-${random}`)
  yield* fs.rename(target, trash).pipe(
    Effect.andThen(fs.remove(trash, { recursive: true, force: true })),
    // Not atomic, but no manifest names it any more.
    Effect.catchIf(isOfLowerLayer, () => fs.remove(target, { recursive: true, force: true })),
    Effect.catchIf(isNotFound, () => Effect.void)
  )
})

/** Quarantines the directory of a previous run; removes the oldest of too many. Returns its new path. */
export const quarantine = Effect.fn("Staging.quarantine")(function* (staging: Staging, previous: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const now = yield* Clock.currentTimeMillis
  const kept = path.join(staging.directory, `${names.quarantined}${now.toString(36).padStart(9, "0")}`)
  yield* remove(staging, kept)
  yield* fs.rename(previous, kept)
  const quarantined = (yield* list(staging.directory)).filter((name) => name.startsWith(names.quarantined))
  for (const name of quarantined.slice(0, -MAX_QUARANTINED)) yield* remove(staging, path.join(staging.directory, name))
  return kept
})

/** Removes the leftovers of previous runs. */
export const cleanup = Effect.fn("Staging.cleanup")(function* (staging: Staging) {
  const fs = yield* FileSystem.FileSystem
  for (const previous of staging.previous) yield* fs.remove(previous, { recursive: true, force: true })
})

/** Removes the staging directory of this run. */
export const discard = Effect.fn("Staging.discard")(function* (staging: Staging) {
  const fs = yield* FileSystem.FileSystem
  yield* fs.remove(staging.path(), { recursive: true, force: true })
})
