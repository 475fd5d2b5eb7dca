/**
 * One run at a time in a directory.
 *
 * The lock is an exclusive transaction on an empty SQLite file; the kernel releases it when the process dies. A process
 * that is alive but stopped, such as by SIGSTOP, can lose the lock: a running process keeps touching a file, and a run
 * that finds that file too old replaces the locked file with a new one.
 *
 * The lock avoids double work. What keeps an old run from overwriting a newer generation is `Staging.fence`.
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
import { checkFile, isNotFound, list } from "./Directory.ts"
import { names } from "./Layout.ts"
import { exitCodes, fail } from "../exitCodes.ts"

const SQLITE_BUSY = 5

class LockFailed extends Data.TaggedError("LockFailed")<{ readonly isBusy: boolean; readonly message: string }> {}

const held = (directory: string) =>
  fail(exitCodes.locked, `another run holds the lock of ${directory}; wait for it, or use another directory`)

/** SQLite, without Node 22's experimental warning on stderr. */
const loadSqlite = () => {
  const { emitWarning } = process
  process.emitWarning = () => {}
  try {
    return process.getBuiltinModule("node:sqlite")
  } finally {
    process.emitWarning = emitWarning
  }
}

/** Opens a file and locks it until the scope closes; false if another process holds the lock. */
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

/** SQLite takes only a shared lock on a read-only file, and reports success. */
const checkLockable = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  yield* checkFile(file).pipe(
    Effect.andThen(Effect.scoped(fs.open(file, { flag: "r+" }))),
    Effect.asVoid,
    Effect.catchReason("PlatformError", "NotFound", () => Effect.void),
    Effect.catchReason("PlatformError", "PermissionDenied", () =>
      fail(
        exitCodes.usage,
        `${file} cannot be locked: this user may not write it, since another user created it; run as that user, or remove the file while no export runs`
      )
    )
  )
})

/** Locks the file at a path; false also if the file was replaced meanwhile. */
const lockPath = Effect.fnUntraced(function* (file: string) {
  // Before the lock is taken: closing any handle of a file releases the locks of the process on it.
  yield* checkLockable(file)
  const before = yield* inode(file)
  if (!(yield* lockFile(file))) return false
  return before === undefined || before === (yield* inode(file))
})

/** Rejects a file system without locks, on which a new file cannot be locked either. */
const checkLocking = Effect.fnUntraced(function* (directory: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const random = (yield* Random.nextIntBetween(0, 2 ** 40)).toString(36)
  const probe = path.join(directory, `${names.lock}-probe-${random}`)
  const canLock = yield* Effect.scoped(lockFile(probe)).pipe(Effect.ensuring(Effect.ignore(fs.remove(probe))))
  if (canLock) return
  return yield* fail(
    exitCodes.usage,
    `the file system of ${directory} cannot lock files, so two runs could write at once; use a local directory, or mount it with locks (NFS: without nolock; SMB: without nobrl)`
  )
})

/** How long ago the holder of the lock showed activity, in milliseconds; none if unknown. */
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

/** Resets the activity, so that no other run takes over right after this one. */
const resetActivity = Effect.fnUntraced(function* (directory: string) {
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
 * A holder without activity for longer than `takeOverAfter` loses the lock.
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
      // Only one run at a time may take over.
      if (!(yield* lockPath(path.join(directory, names.takeover))) || !(yield* isSilent)) return false
      yield* fs.remove(file, { force: true })
      if (!(yield* Scope.provide(lockPath(file), scope))) return false
      yield* resetActivity(directory)
      return true
    })
  )
  if (!taken) return yield* held(directory)
  yield* Effect.logWarning(
    `the run that held the lock of ${directory} was inactive for too long and lost it; this run takes over, and that one can no longer publish`
  )
})
