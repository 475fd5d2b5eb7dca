/**
 * What an incremental run needs to know of the generations before it.
 */
import { AppError } from "@hb-sessions/app-kit/AppError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import { createHash, type Hash } from "node:crypto"
import { isNotFound, names } from "./Directory.ts"
import { exitCodes } from "./exitCodes.ts"
import { forEachRecord, hasFingerprint, KeyTable, RECORD_BYTES } from "./KeyTable.ts"
import type { Manifest } from "./Manifest.ts"
import { fullRefreshReason } from "./Resume.ts"
import { isSame } from "./Selection.ts"
import type { Settings } from "./Settings.ts"

/** How much of the list a run reads, and why. */
export interface Reach {
  /** Epoch milliseconds; undefined for the whole list. */
  readonly readSince: number | undefined
  readonly why: string
}

/**
 * Decides how far back a run reads.
 *
 * Refuses to add to generations that were made with other settings.
 */
export const reach = Effect.fn("Incremental.reach")(function* (settings: Settings, former: Manifest | undefined) {
  const { selection, since, strict } = settings
  const whole = (why: string): Reach => ({ readSince: undefined, why })
  if (selection.mode === "snapshot") {
    if (since === undefined) return whole("a snapshot holds all sessions")
    return { readSince: since, why: "the list is read back to --since" }
  }
  if (settings.fullRefresh) return whole(fullRefreshReason)
  if (former === undefined || former.selection.mode === "snapshot") return whole("the first of an incremental export")
  if (!isSame(former.selection, selection)) {
    return yield* new AppError({
      message: `generation ${former.generation} was exported with other settings, so nothing can be added to it; give the same settings again, or --full-refresh to begin anew`,
      exitCode: exitCodes.usage
    })
  }
  if (strict) return whole("only in the whole list every change can be found")
  const { newestCreatedAt, oldestOpen, order, undatedOpen } = former.bookmark
  if (newestCreatedAt === undefined) return whole("no session has been read before")
  if (order !== "newest-first") return whole("the list was not newest first the last time")
  if (undatedOpen) return whole("a session without createdAt may have changed, and nothing tells where it is")
  const newest = Date.parse(newestCreatedAt)
  const settled = oldestOpen === undefined ? newest : Math.min(newest, Date.parse(oldestOpen))
  const readSince = Math.max(settled - Duration.toMillis(settings.lookBack), since ?? Number.NEGATIVE_INFINITY)
  return { readSince, why: "older sessions were final the last time" }
})

/** Reads which sessions have been written, and in which state; refuses an index that is not the one that was published. */
export const loadIndex = Effect.fn("Incremental.loadIndex")(function* (directory: string, manifest: Manifest) {
  const path = yield* Path.Path
  const { index } = manifest.bookmark
  if (index === undefined) return new KeyTable()
  const file = path.join(directory, index.path)
  const hash = createHash("sha256")
  const table = new KeyTable(index.sessions)
  yield* eachRecord(file, (record) => void table.set(record), hash).pipe(Effect.catchIf(isNotFound, () => Effect.void))
  if (hash.digest("hex") === index.sha256) return table
  return yield* new AppError({
    message: `${file} is not what was published; restore it, or give --full-refresh to begin anew`,
    exitCode: exitCodes.usage
  })
})

/** Adds a run's journal to what was written before, and writes it beside the data. */
export const writeIndex = Effect.fn("Incremental.writeIndex")(function* (options: {
  readonly index: KeyTable
  readonly journal: string
  readonly directory: string
}) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  yield* eachRecord(options.journal, (record) => {
    if (hasFingerprint(record)) options.index.set(record)
  })
  const hash = createHash("sha256")
  let bytes = 0
  const file = path.join(options.directory, names.index)
  yield* Effect.scoped(
    Effect.gen(function* () {
      const handle = yield* fs.open(file, { flag: "wx" })
      for (const chunk of options.index.chunks()) {
        hash.update(chunk)
        bytes += chunk.length
        yield* handle.writeAll(chunk)
      }
      yield* handle.sync
    })
  )
  return { sessions: options.index.size, bytes, sha256: hash.digest("hex") }
})

/** Calls a function with each record of a file, of which little is in memory at a time; hashes all of its bytes. */
export const eachRecord = Effect.fn("Incremental.eachRecord")(function* (
  file: string,
  visit: (record: Uint32Array) => void,
  hash?: Hash
) {
  const fs = yield* FileSystem.FileSystem
  yield* Effect.scoped(
    Effect.gen(function* () {
      const handle = yield* fs.open(file, { flag: "r" })
      const buffer = new Uint8Array(RECORD_BYTES * 8192)
      let kept = 0
      for (;;) {
        const read = yield* handle.read(buffer.subarray(kept))
        if (read === 0) return
        hash?.update(buffer.subarray(kept, kept + read))
        const whole = kept + read - ((kept + read) % RECORD_BYTES)
        forEachRecord(buffer.subarray(0, whole), visit)
        buffer.copyWithin(0, whole, kept + read)
        kept = kept + read - whole
      }
    })
  )
})
