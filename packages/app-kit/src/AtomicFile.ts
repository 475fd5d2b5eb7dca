/**
 * Files that are either the old ones or the new ones, never half of each.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { randomBytes } from "node:crypto"
import { closeSync, constants, openSync } from "node:fs"
import { access, type FileHandle, open, rm } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import { AppError, exitCodes } from "./AppError.ts"
import * as DurableFile from "./DurableFile.ts"
import * as FileTarget from "./FileTarget.ts"
import { attempt, fromPlatformError, shownPath, type SystemError } from "./SystemError.ts"
import * as TemporaryFiles from "./TemporaryFiles.ts"

/** How a file is written. */
export interface WriteOptions {
  /** The mode of a file that is new, such as `0o600`; by default 0666 less the process's umask. */
  readonly mode?: number
  /** Whether a file that exists keeps its mode, rather than being given that of a new one; true by default. */
  readonly isModeKept?: boolean
  /** Runs when all is on the disk, right before it is put in place; its failure leaves the file as it was. */
  readonly confirm?: Effect.Effect<void, AppError>
}

/** A file that is ready to be written, once. */
export interface AtomicFile {
  /** Writes a stream of text, to its end, and puts it in place. Succeeds with its size in bytes. */
  readonly write: <E, R>(text: Stream.Stream<string, E, R>) => Effect.Effect<number, E | AppError, R>
}

/**
 * Writes a stream of text to a file that appears, complete, when the stream has ended. Succeeds with its size in bytes.
 *
 * **Details**
 *
 * Writes beside the target under a hidden name, flushes it to the disk, renames it over the target and flushes the
 * directory. When the stream fails or is interrupted, the target stays as it was and nothing is left behind. A file
 * that exists keeps its owner, its group and its mode; through a symbolic link, what it leads to is written.
 *
 * **Gotchas**
 *
 * Access control lists and extended attributes are not kept: a default list of the directory applies. Of the names of a
 * file with hard links, only the one that was given gets the new content. A process that is killed by SIGKILL leaves
 * its hidden `.<name>.<random>.tmp` behind.
 */
export const writeText = <E, R>(
  file: string,
  text: Stream.Stream<string, E, R>,
  options?: WriteOptions
): Effect.Effect<number, E | AppError, R> =>
  Effect.scoped(Effect.flatMap(prepare(file, options), ({ write }) => write(text)))

/**
 * Makes sure that a file can be written, by making the hidden file that will replace it.
 *
 * Fails with the exit code of a usage error when it cannot, and also when it is not a regular file. The end of the scope
 * removes the hidden file, unless it was written.
 */
export const prepare = (file: string, options?: WriteOptions): Effect.Effect<AtomicFile, AppError, Scope.Scope> =>
  Effect.flatMap(FileTarget.find(file), (target) =>
    target._tag === "Regular"
      ? prepareTarget(file, target, options)
      : Effect.fail(FileTarget.unwritable(file, "it is not a regular file"))
  )

/** As `prepare`, for what was found at the path. */
export const prepareTarget = Effect.fn("AtomicFile.prepare")(function* (
  file: string,
  { path, previous }: Extract<FileTarget.FileTarget, { _tag: "Regular" }>,
  { confirm = Effect.void, isModeKept = true, mode = 0o666 }: WriteOptions = {}
) {
  const rejected = (problem: string) => FileTarget.unwritable(file, problem)
  const directory = dirname(path)
  if (previous !== undefined) {
    yield* Effect.mapError(
      attempt(() => access(path, constants.W_OK)),
      ({ code, message }) => rejected(code === "EACCES" ? "this user may not write it" : message)
    )
    if (yield* FileTarget.isMountPoint(path)) {
      return yield* rejected("it is mounted by itself, so it cannot be replaced; mount its directory instead")
    }
  }
  const temporary = join(directory, temporaryName(basename(path)))
  const isKept = previous !== undefined && isModeKept
  const handle = yield* Effect.acquireRelease(
    attempt(() => {
      // Made at once and after it is remembered, so that no signal comes in between.
      TemporaryFiles.remember(temporary)
      try {
        closeSync(openSync(temporary, "wx", isKept ? 0o600 : mode))
      } catch (error) {
        TemporaryFiles.forget(temporary)
        throw error
      }
      return open(temporary, "r+")
    }),
    (opened) => discard(opened, temporary)
  ).pipe(Effect.mapError((error) => rejected(creationProblem(error, directory, previous !== undefined))))
  if (previous !== undefined) {
    yield* Effect.mapError(
      attempt(async () => {
        const made = await handle.stat()
        if (made.uid !== previous.uid || made.gid !== previous.gid) await handle.chown(previous.uid, previous.gid)
        const wanted = isKept ? previous.mode : mode
        if (((made.mode ^ wanted) & 0o7777) !== 0) await handle.chmod(wanted & 0o7777)
      }),
      ({ code }) =>
        rejected(
          `it belongs to user ${previous.uid} and group ${previous.gid}, which this user cannot give to a new file (${code}); write it as its owner, or name another file`
        )
    )
  }

  const failed = ({ message }: SystemError) =>
    new AppError({ message: `${shownPath(file)} cannot be written: ${message}`, exitCode: exitCodes.unexpected })

  const write = <E, R>(text: Stream.Stream<string, E, R>): Effect.Effect<number, E | AppError, R> =>
    Effect.gen(function* () {
      const bytes = yield* writeTo(handle, text, failed)
      yield* Effect.mapError(
        attempt(async () => {
          await handle.sync()
          await handle.close()
        }),
        failed
      )
      yield* confirm
      yield* DurableFile.place(temporary, path).pipe(
        Effect.provide(NodeFileSystem.layer),
        Effect.mapError((error) => failed(fromPlatformError(error)))
      )
      TemporaryFiles.forget(temporary)
      return bytes
    })
  return { write } satisfies AtomicFile
})

/** Writes a stream to an open file. */
const writeTo = <E, R>(
  handle: FileHandle,
  text: Stream.Stream<string, E, R>,
  failed: (error: SystemError) => AppError
): Effect.Effect<number, E | AppError, R> =>
  Effect.suspend(() => {
    let bytes = 0
    return text.pipe(
      Stream.runForEachArray((chunk) => {
        const data = Buffer.from(chunk.join(""))
        bytes += data.length
        return Effect.mapError(
          attempt(() => handle.writeFile(data)),
          failed
        )
      }),
      Effect.map(() => bytes)
    )
  })

const discard = (handle: FileHandle, temporary: string): Effect.Effect<void> =>
  Effect.andThen(
    Effect.ignore(attempt(() => handle.close())),
    Effect.ignore(attempt(() => rm(temporary, { force: true })))
  ).pipe(Effect.andThen(Effect.sync(() => TemporaryFiles.forget(temporary))))

/** Longest name of a file, in bytes, that every common file system has room for. */
const MAX_NAME = 255

/** Names what it stands in for, unless that is too long. */
const temporaryName = (name: string): string => {
  const suffix = `.${randomBytes(6).toString("hex")}.tmp`
  return Buffer.byteLength(name) + suffix.length < MAX_NAME ? `.${name}${suffix}` : suffix
}

const creationProblem = ({ code, message }: SystemError, directory: string, exists: boolean): string => {
  switch (code) {
    case "EACCES":
    case "EPERM":
      return exists
        ? `this user may not write in its directory ${shownPath(directory)}, so it could not be replaced as a whole; name another file, or write to stdout into it`
        : `this user may not write in the directory ${shownPath(directory)}`
    case "EROFS":
      return "its file system is read-only"
    default:
      return message
  }
}
