/**
 * What an incremental run needs to know of the generations before it.
 */
import { AppError } from "@hb-sessions/app-kit/AppError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import { createHash, type Hash } from "node:crypto"
import { isNotFound } from "../publish/Directory.ts"
import { exitCodes } from "../exitCodes.ts"
import { forEachRecord, KeyTable, RECORD_BYTES } from "./KeyTable.ts"
import type { Manifest } from "../publish/Manifest.ts"
import { fullRefreshReason } from "../resume/Resume.ts"
import type { Settings } from "../settings/Settings.ts"

/** How much of the list a run reads, and why. */
export interface Reach {
  /** Epoch milliseconds; undefined for the whole list. */
  readonly readSince: number | undefined
  readonly why: string
}

/**
 * Decides how far back a run reads.
 *
 * `now` is epoch milliseconds.
 */
export const reach = (settings: Settings, former: Manifest | undefined, now: number): Reach => {
  const { selection, since, strict } = settings
  const whole = (why: string): Reach => ({ readSince: undefined, why })
  if (selection.mode === "snapshot") {
    if (since === undefined) return whole("a snapshot holds all sessions")
    return { readSince: since, why: "the list is read back to --since" }
  }
  if (settings.fullRefresh) return whole(fullRefreshReason)
  if (former === undefined || former.selection.mode === "snapshot") return whole("the first of an incremental export")
  if (strict) return whole("only in the whole list every change can be found")
  const { oldestOpen, order, settledBefore, undatedOpen } = former.bookmark
  if (settledBefore === undefined) return whole("no read has been proven to be complete before")
  if (order !== "newest-first") return whole("the list was not newest first the last time")
  if (undatedOpen)
    return whole(
      "a session without createdAt, or with an impossible one, may have changed, and nothing tells where it is"
    )
  const { started } = former.archive.wholeRead
  if (now - Date.parse(started) >= Duration.toMillis(settings.fullEvery) * DUE) {
    return whole(`the whole list was last read on ${started}, and --full-every has passed since`)
  }
  const settled = Date.parse(settledBefore) - Duration.toMillis(settings.lookBack)
  // What was written and may still change is read, however old it has become.
  const isOpenBeforeSince = since !== undefined && oldestOpen !== undefined && Date.parse(oldestOpen) < since
  const readSince = since === undefined || isOpenBeforeSince ? settled : Math.max(settled, since)
  return { readSince, why: "older sessions were final the last time" }
}

/** A run that begins a little earlier than the one a week ago is still a week later. */
const DUE = 0.95

/**
 * Why a read that ended at a time is not enough, by what the list is said to hold; undefined when it is.
 *
 * Everything in the list when the read began was known before, or has been received, or has left. `index` is what was
 * known before.
 */
export const unknownSessions = Effect.fn("Incremental.unknownSessions")(function* (options: {
  readonly index: KeyTable
  readonly journal: string
  readonly listed: number | undefined
  readonly total: number | undefined
  /** Rows of the list that are no sessions. */
  readonly quarantined: number
}) {
  const { index, journal, listed, quarantined, total } = options
  if (listed === undefined || total === undefined) return undefined
  const fresh = new KeyTable()
  yield* eachRecord(journal, (record) => {
    if (!index.has(record)) fresh.set(record)
  })
  const known = listed + fresh.size + quarantined
  return total > known
    ? `the list holds ${total} sessions, and only ${known} of them are known: some came in where only a whole read looks`
    : undefined
})

/** Reads which sessions have been written, and in which state; rejects an index that is not the one that was published. */
export const loadIndex = Effect.fn("Incremental.loadIndex")(function* (
  directory: string,
  manifest: Pick<Manifest, "bookmark">
) {
  const path = yield* Path.Path
  const { index } = manifest.bookmark
  const table = new KeyTable(index?.sessions)
  for (const { path: name, sha256 } of index?.files ?? []) {
    const file = path.join(directory, name)
    const hash = createHash("sha256")
    yield* eachRecord(file, (record) => void table.set(record), { hash }).pipe(
      Effect.catchIf(isNotFound, () => Effect.void)
    )
    if (hash.digest("hex") === sha256) continue
    return yield* new AppError({
      message: `${file} is not what was published; restore it, or give --full-refresh to begin anew`,
      exitCode: exitCodes.usage
    })
  }
  return table
})

/** Calls a function with each record of a file, of which little is in memory at a time; hashes all of its bytes. */
export const eachRecord = Effect.fn("Incremental.eachRecord")(function* (
  file: string,
  visit: (record: Uint32Array) => void,
  options: { readonly hash?: Hash; readonly afterPiece?: Effect.Effect<void, PlatformError> } = {}
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
        options.hash?.update(buffer.subarray(kept, kept + read))
        const whole = kept + read - ((kept + read) % RECORD_BYTES)
        forEachRecord(buffer.subarray(0, whole), visit)
        if (options.afterPiece !== undefined) yield* options.afterPiece
        buffer.copyWithin(0, whole, kept + read)
        kept = kept + read - whole
      }
    })
  )
})
