/**
 * How bytes and names reach the disk, so that a power cut leaves the old file or the new one.
 *
 * A file is flushed before it is renamed, and the directory after. Where the file is until then is up to the caller:
 * beside its target under a hidden name (`AtomicFile`), or in the staging directory of a run (the export).
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { dirname } from "node:path"
import { fromPlatformError } from "./SystemError.ts"

/** Writes a text file whole and flushes it; its name lasts once its directory is flushed too. */
export const write = Effect.fn("DurableFile.write")(function* (file: string, text: string) {
  const fs = yield* FileSystem.FileSystem
  const handle = yield* fs.open(file, { flag: "w" })
  yield* handle.writeAll(new TextEncoder().encode(text))
  yield* handle.sync
}, Effect.scoped)

/** Renames what has been flushed, over what is there, and flushes the directory that it is now in. */
export const place = Effect.fn("DurableFile.place")(function* (from: string, to: string) {
  const fs = yield* FileSystem.FileSystem
  yield* fs.rename(from, to)
  yield* syncDirectory(dirname(to))
})

/** Flushes the names in a directory, where the system can do that. */
export const syncDirectory = Effect.fn("DurableFile.syncDirectory")(
  function* (directory: string) {
    const fs = yield* FileSystem.FileSystem
    const handle = yield* fs.open(directory, { flag: "r" })
    yield* handle.sync
  },
  Effect.scoped,
  Effect.catchIf(
    (error) => noSync.has(fromPlatformError(error).code),
    () => Effect.void
  )
)

/** CIFS and some FUSE file systems cannot flush a directory, and need not; one that may be written need not be readable. */
const noSync: ReadonlySet<string> = new Set(["EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EACCES", "EPERM", "EISDIR"])
