/**
 * The place of a run's unpublished work, and the fence against runs that were thought dead.
 *
 * Every change of what is published is a rename out of the run's own staging directory. A new run begins by moving the
 * staging directories of all others into its own, one atomic rename each, before it reads the manifest. From then on
 * every rename of an older run fails, because the name that it renames from is gone; there is no moment between a check
 * and an act. What an older run has committed until then, the new one sees in the manifest.
 */
import { AppError } from "@hb-sessions/app-kit/AppError"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Predicate from "effect/Predicate"
import type { PlatformError } from "effect/PlatformError"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import { generationName, isNotFound, list, names, sync } from "./Directory.ts"
import { exitCodes } from "../exitCodes.ts"

/** How often a run shows that it lives. */
export const HEARTBEAT = Duration.seconds(5)

/** Most directories of refused state that are kept. */
const MAX_REFUSED = 3

/** The staging directory of this run. */
export interface Staging {
  /** The published directory. */
  readonly directory: string
  /** The path of a name in the staging directory. */
  readonly path: (...parts: ReadonlyArray<string>) => string
  /** Directories that former runs left, already out of their reach; the newest first. */
  readonly former: ReadonlyArray<string>
}

/** Fails when this run has been relieved by another. */
const superseded = (directory: string): AppError =>
  new AppError({
    message: `another run has taken over ${directory} while this one stood still; nothing of this one is published`,
    exitCode: exitCodes.locked
  })

/**
 * Makes a staging directory and puts those of all former runs out of their reach.
 *
 * The directory stays when the scope closes; `discard` removes it. While the scope is open it shows that the run lives.
 */
export const fence = Effect.fn("Staging.fence")(function* (directory: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const now = yield* Clock.currentTimeMillis
  const random = (yield* Random.nextIntBetween(0, 2 ** 40)).toString(36)
  // The time makes the names sort by age.
  const root = path.join(directory, `${names.staging}${now.toString(36).padStart(9, "0")}-${random}`)
  const found = (yield* list(directory)).filter((name) => name.startsWith(names.staging))
  yield* fs.makeDirectory(root)
  yield* fs.writeFileString(path.join(root, names.alive), "")
  for (const [index, name] of found.toReversed().entries()) {
    yield* fs.rename(path.join(directory, name), path.join(root, `${names.former}${index}`)).pipe(
      Effect.catchIf(isNotFound, () => Effect.void),
      // It was there before the file system was mounted, so no run that lives has it.
      Effect.catchIf(isOfLowerLayer, () => fs.remove(path.join(directory, name), { recursive: true, force: true }))
    )
  }
  yield* sync(directory)
  const staging: Staging = {
    directory,
    path: (...parts) => path.join(root, ...parts),
    former: yield* nested(root)
  }
  yield* Clock.currentTimeMillis.pipe(
    Effect.flatMap((time) => fs.utimes(staging.path(names.alive), time / 1000, time / 1000)),
    Effect.ignore,
    Effect.repeat(Schedule.spaced(HEARTBEAT)),
    Effect.forkScoped
  )
  return staging
})

/** Overlay file systems, as containers have them, cannot rename a directory of an image. */
const isOfLowerLayer = ({ reason }: PlatformError): boolean =>
  Predicate.hasProperty(reason.cause, "code") && reason.cause.code === "EXDEV"

/** A run that was killed while it took over the work of another left that inside of its own. */
const nested = (root: string): Effect.Effect<ReadonlyArray<string>, PlatformError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const path = yield* Path.Path
    const found: Array<string> = []
    for (const name of yield* list(root)) {
      if (!name.startsWith(names.former)) continue
      const former = path.join(root, name)
      found.push(former, ...(yield* nested(former)))
    }
    return found
  })

/** Fails with exit code 75 when another run has taken over; a missing file in the own directory means just that. */
export const orSuperseded =
  (staging: Staging) =>
  <A, E, R>(
    self: Effect.Effect<A, E | PlatformError, R>
  ): Effect.Effect<A, E | PlatformError | AppError, R | FileSystem.FileSystem> =>
    Effect.catchCause(self, (cause) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const isOurs = yield* Effect.orElseSucceed(fs.exists(staging.path(names.alive)), () => true)
        return yield* isOurs ? Effect.failCause(cause) : Effect.fail(superseded(staging.directory))
      })
    )

/** Moves something that was published out of sight and removes it; does nothing when it is gone. */
export const remove = Effect.fn("Staging.remove")(function* (staging: Staging, target: string) {
  const fs = yield* FileSystem.FileSystem
  const random = (yield* Random.nextIntBetween(0, 2 ** 40)).toString(36)
  const trash = staging.path(`trash-${random}`)
  yield* fs.rename(target, trash).pipe(
    Effect.andThen(fs.remove(trash, { recursive: true, force: true })),
    // Not out of sight first, but what was published is not named any more.
    Effect.catchIf(isOfLowerLayer, () => fs.remove(target, { recursive: true, force: true })),
    Effect.catchIf(isNotFound, () => Effect.void)
  )
})

/** Keeps a former run's directory aside, for people; the oldest of too many goes. Returns where it is. */
export const refuse = Effect.fn("Staging.refuse")(function* (staging: Staging, former: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const now = yield* Clock.currentTimeMillis
  const kept = path.join(staging.directory, `${names.refused}${now.toString(36).padStart(9, "0")}`)
  yield* remove(staging, kept)
  yield* fs.rename(former, kept)
  const refused = (yield* list(staging.directory)).filter((name) => name.startsWith(names.refused))
  for (const name of refused.slice(0, -MAX_REFUSED)) yield* remove(staging, path.join(staging.directory, name))
  return kept
})

/** Removes what former runs left. */
export const sweep = Effect.fn("Staging.sweep")(function* (staging: Staging) {
  const fs = yield* FileSystem.FileSystem
  for (const former of staging.former) yield* fs.remove(former, { recursive: true, force: true })
})

/** Removes the staging directory of this run. */
export const discard = Effect.fn("Staging.discard")(function* (staging: Staging) {
  const fs = yield* FileSystem.FileSystem
  yield* fs.remove(staging.path(), { recursive: true, force: true })
})

/** Removes the generation after the published one: a killed run had moved it into place but not committed it. */
export const sweepGenerations = Effect.fn("Staging.sweepGenerations")(function* (staging: Staging, published: number) {
  const path = yield* Path.Path
  yield* remove(staging, path.join(staging.directory, names.generations, generationName(published + 1)))
})
