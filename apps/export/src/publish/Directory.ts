/**
 * The directories and files of the local file system that an export is published to, or is worked on in.
 */
import type { AppError } from "@hb-sessions/app-kit/AppError"
import * as DurableFile from "@hb-sessions/app-kit/DurableFile"
import { fromPlatformError } from "@hb-sessions/app-kit/SystemError"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import { PlatformError } from "effect/PlatformError"
import * as Random from "effect/Random"
import { exitCodes, fail } from "../exitCodes.ts"
import { names } from "./Layout.ts"

/** Whether a file or directory does not exist. */
export const isNotFound = (error: PlatformError): boolean => error.reason._tag === "NotFound"

/** Makes a directory with its parents, each of them flushed. */
export const make = (directory: string): Effect.Effect<void, PlatformError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    if (yield* fs.exists(directory)) return
    const parent = path.dirname(path.resolve(directory))
    yield* make(parent)
    // Not recursively: in a file system without directories to make, such as /proc, Node never returns from it.
    yield* fs.makeDirectory(directory).pipe(
      Effect.catchIf(
        ({ reason }) => reason._tag === "AlreadyExists",
        () => Effect.void
      )
    )
    yield* DurableFile.syncDirectory(parent)
  })

/** Failures that another path would avoid; others are disk errors. */
const unusable: Readonly<Partial<Record<string, string>>> = {
  ENOTDIR: "a part of the path is a file; name a directory",
  ENAMETOOLONG: "the path is too long for this file system; give a shorter one",
  ELOOP: "its symbolic links form a loop; name a directory"
}

const rejected = (directory: string, problem: string) =>
  fail(exitCodes.usage, `cannot publish to ${shortened(directory)}: ${problem}`)

const shortened = (path: string): string => (path.length <= 200 ? path : `${path.slice(0, 200)}…`)

/** Fails if a directory, or its nearest existing parent, is not writable; with a usage error if it is not a directory. */
export const checkWritable = (
  directory: string
): Effect.Effect<void, AppError | PlatformError, FileSystem.FileSystem | Path.Path> =>
  nearest(directory).pipe(
    Effect.catchIf(
      (error) => error instanceof PlatformError && unusable[fromPlatformError(error).code] !== undefined,
      (error) =>
        rejected(directory, error instanceof PlatformError ? (unusable[fromPlatformError(error).code] ?? "") : "")
    )
  )

/**
 * Checks what a run writes to or moves: `generations`, or the run would fail only at its end, and what previous runs
 * left, since a directory can be moved only by a user who may write it.
 */
const checkContent = Effect.fnUntraced(function* (directory: string) {
  const path = yield* Path.Path
  for (const name of yield* list(directory)) {
    if (name !== names.generations && !name.startsWith(names.staging)) continue
    yield* checkOwn(path.join(directory, name))
  }
})

const checkOwn = Effect.fnUntraced(function* (directory: string) {
  const fs = yield* FileSystem.FileSystem
  yield* fs.access(directory, { writable: true }).pipe(
    Effect.catchIf(isNotFound, () => Effect.void),
    Effect.catchReason("PlatformError", "PermissionDenied", () =>
      rejected(directory, "this user may not write it, since another user created it; run as that user, or chown it")
    )
  )
})

const nearest = (directory: string): Effect.Effect<void, AppError | PlatformError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const resolved = path.resolve(directory)
    if (yield* fs.exists(resolved)) {
      const { type } = yield* fs.stat(resolved)
      if (type !== "Directory") return yield* rejected(directory, "it is not a directory; name one")
      yield* fs.access(resolved, { writable: true })
      return yield* checkContent(resolved)
    }
    const target = yield* Effect.option(fs.readLink(resolved))
    if (Option.isSome(target)) {
      return yield* rejected(
        directory,
        `it is a symbolic link to ${target.value}, which does not exist; create that first`
      )
    }
    return yield* nearest(path.dirname(resolved))
  })

/** Failures of a rename where the file system has none, as mounted buckets. */
const noRename: ReadonlySet<string> = new Set(["ENOSYS", "ENOTSUP", "EOPNOTSUPP", "EPERM", "EMFILE", "EXDEV"])

/** Fails with a usage error if directories cannot be renamed: a run publishes by renaming. */
export const checkRename = Effect.fn("Directory.checkRename")(function* (directory: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const random = (yield* Random.nextIntBetween(0, 2 ** 40)).toString(36)
  // The next run removes what is left under such a name, and a run that begins meanwhile may move it.
  const probe = path.join(directory, `${names.staging}probe-${random}`)
  yield* fs.makeDirectory(probe)
  yield* fs.writeFileString(path.join(probe, "file"), "")
  yield* fs.rename(probe, `${probe}-2`).pipe(
    Effect.catchIf(
      (error) => noRename.has(fromPlatformError(error).code),
      () =>
        rejected(
          directory,
          "its file system cannot rename directories, as that of a mounted bucket cannot; give s3://bucket/prefix to publish to a bucket"
        )
    ),
    Effect.catchIf(
      (error) => error instanceof PlatformError && isNotFound(error),
      () => Effect.void
    ),
    Effect.ensuring(
      Effect.forEach([probe, `${probe}-2`], (each) => Effect.ignore(fs.remove(each, { recursive: true, force: true })))
    )
  )
})

/** The names in a directory, sorted; none when it does not exist. */
export const list = Effect.fnUntraced(function* (directory: string) {
  const fs = yield* FileSystem.FileSystem
  const found = yield* Effect.catchIf(fs.readDirectory(directory), isNotFound, () => Effect.succeed([]))
  return found.toSorted()
})

/**
 * Fails with exit code 2 if something other than a regular file is in its place.
 *
 * Opening a FIFO would block for ever, also under SIGTERM, and a device may never end.
 */
export const checkFile = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const { type } = yield* fs.stat(file)
  if (type === "File") return
  return yield* fail(exitCodes.usage, `${file} is not a regular file; move it away`)
})

/** Reads a text file; none when it does not exist. */
export const readText = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  return yield* checkFile(file).pipe(
    Effect.andThen(fs.readFileString(file)),
    Effect.asSome,
    Effect.catchReason("PlatformError", "NotFound", () => Effect.succeedNone)
  )
})
