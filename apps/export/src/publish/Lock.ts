/**
 * One run at a time in a directory.
 *
 * The lock is the kernel's: an exclusive transaction on an empty SQLite file, which no dead process can hold. A process
 * that is alive but stands still, such as one that was sent SIGSTOP, can be relieved of it: it shows that it lives by
 * touching a file, and who finds that file old puts a new lock file in the place of the locked one.
 *
 * The lock is a courtesy. What keeps an old run from overwriting a newer generation is `Staging.fence`.
 */
import type { AppError } from "@hb-sessions/app-kit/AppError"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Random from "effect/Random"
import type { PlatformError } from "effect/PlatformError"
import * as Scope from "effect/Scope"
import { isNotFound, list, names } from "./Directory.ts"
import { exitCodes, fail } from "../exitCodes.ts"

const SQLITE_BUSY = 5

class LockFailed extends Data.TaggedError("LockFailed")<{ readonly isBusy: boolean; readonly message: string }> {}

const held = (directory: string) =>
  fail(exitCodes.locked, `another run holds ${directory}; wait for it, or give this one a directory of its own`)

/** SQLite, without Node 22's word on stderr that it is new. */
const loadSqlite = () => {
  const { emitWarning } = process
  process.emitWarning = () => {}
  try {
    return process.getBuiltinModule("node:sqlite")
  } finally {
    process.emitWarning = emitWarning
  }
}

/** Opens a file and locks it until the scope closes; false when another process has it. */
const lockFile = Effect.fnUntraced(function* (file: string) {
  const database = yield* Effect.acquireRelease(
    Effect.try({
      try: () => {
        const { DatabaseSync } = loadSqlite()
        const opened = new DatabaseSync(file, { timeout: 0 })
        try {
          opened.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE")
          return opened
        } catch (error) {
          opened.close()
          throw error
        }
      },
      catch: (error) =>
        new LockFailed({ isBusy: isBusy(error), message: error instanceof Error ? error.message : String(error) })
    }).pipe(
      Effect.asSome,
      Effect.catch((error) =>
        error.isBusy ? Effect.succeedNone : fail(exitCodes.disk, `${file} cannot be locked: ${error.message}`)
      )
    ),
    (opened) => Effect.sync(() => Option.map(opened, (found) => found.close()))
  )
  return Option.isSome(database)
})

const isBusy = (error: unknown) =>
  typeof error === "object" && error !== null && "errcode" in error && error.errcode === SQLITE_BUSY

const inode = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  return yield* fs.stat(file).pipe(
    Effect.map((info) => Option.getOrUndefined(info.ino)),
    Effect.catchIf(isNotFound, () => Effect.undefined)
  )
})

/** A file that can only be read is locked by SQLite without a word, and not for this process alone. */
const checkLockable = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  yield* Effect.scoped(fs.open(file, { flag: "r+" })).pipe(
    Effect.asVoid,
    Effect.catchIf(isNotFound, () => Effect.void),
    Effect.catchReason("PlatformError", "PermissionDenied", () =>
      fail(
        exitCodes.usage,
        `${file} cannot be locked, since this user may not write it: it is of an earlier run by another user; run as that user, or remove the file while no export runs`
      )
    )
  )
})

/** Locks what the path leads to now: a file that was replaced meanwhile is nobody's. */
const lockPath = Effect.fnUntraced(function* (file: string) {
  // Before the lock is taken: closing any handle of a file ends the locks that the process has on it.
  yield* checkLockable(file)
  const before = yield* inode(file)
  if (!(yield* lockFile(file))) return false
  return before === undefined || before === (yield* inode(file))
})

/** Tells a file system without locks from a lock that another run has: there, a new file cannot be locked either. */
const checkLocking = Effect.fnUntraced(function* (directory: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const random = (yield* Random.nextIntBetween(0, 2 ** 40)).toString(36)
  const probe = path.join(directory, `${names.lock}-probe-${random}`)
  const canLock = yield* Effect.scoped(lockFile(probe)).pipe(Effect.ensuring(Effect.ignore(fs.remove(probe))))
  if (canLock) return
  return yield* fail(
    exitCodes.usage,
    `the file system of ${directory} cannot lock files, so two runs could not be kept apart; use a local directory, or mount it with locks (NFS: without nolock; SMB: without nobrl)`
  )
})

/** How long ago the holder of the lock was seen, in milliseconds; none when nobody can tell. */
const silence = Effect.fnUntraced(function* (directory: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const now = yield* Clock.currentTimeMillis
  let least = Option.none<number>()
  for (const name of yield* list(directory)) {
    if (!name.startsWith(names.staging)) continue
    const info = yield* Effect.option(fs.stat(path.join(directory, name, names.alive)))
    const age = Option.map(
      Option.flatMap(info, ({ mtime }) => mtime),
      (time) => now - time.getTime()
    )
    if (Option.isSome(age) && (Option.isNone(least) || age.value < least.value)) least = age
  }
  return least
})

/** Makes the silence end, so that nobody takes the lock from a run that has just taken it. */
const quieten = Effect.fnUntraced(function* (directory: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const now = yield* Clock.currentTimeMillis
  for (const name of yield* list(directory)) {
    if (!name.startsWith(names.staging)) continue
    yield* Effect.ignore(fs.utimes(path.join(directory, name, names.alive), now / 1000, now / 1000))
  }
})

/**
 * Locks a directory until the scope closes, or fails with exit code 75.
 *
 * A holder that gave no sign of life for longer than `takeOverAfter` loses the lock.
 */
export const acquire = Effect.fn("Lock.acquire")(function* (
  directory: string,
  takeOverAfter: Duration.Duration
): Effect.fn.Return<void, AppError | PlatformError, FileSystem.FileSystem | Path.Path | Scope.Scope> {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const file = path.join(directory, names.lock)
  if (yield* lockPath(file)) return
  yield* checkLocking(directory)
  const isSilent = Effect.map(silence(directory), (age) =>
    Option.exists(age, (millis) => millis > Duration.toMillis(takeOverAfter))
  )
  if (!(yield* isSilent)) return yield* held(directory)
  const scope = yield* Effect.scope
  const taken = yield* Effect.scoped(
    Effect.gen(function* () {
      // Two at once would take the lock from each other.
      if (!(yield* lockPath(path.join(directory, names.takeover))) || !(yield* isSilent)) return false
      yield* fs.remove(file, { force: true })
      if (!(yield* Scope.provide(lockPath(file), scope))) return false
      yield* quieten(directory)
      return true
    })
  )
  if (!taken) return yield* held(directory)
  yield* Effect.logWarning(
    `the run that holds ${directory} has stood still for too long; this one takes over, and that one cannot publish any more`
  )
})
