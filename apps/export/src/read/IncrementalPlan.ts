/**
 * How far back a run reads, and the index of what previous generations have written.
 */
import { AppError } from "@hb-sessions/app-kit/AppError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import { createHash, type Hash } from "node:crypto"
import { Destination } from "../publish/Destination.ts"
import { checkFile } from "../publish/Directory.ts"
import { exitCodes } from "../exitCodes.ts"
import { forEachRecord, KeyTable, RECORD_BYTES } from "./KeyTable.ts"
import type { Manifest } from "../publish/Manifest.ts"
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
export const reach = (settings: Settings, previous: Manifest | undefined, now: number): Reach => {
  const { selection, since, strict } = settings
  const whole = (why: string): Reach => ({ readSince: undefined, why })
  if (selection.mode === "snapshot") {
    if (since === undefined) return whole("a snapshot holds all sessions")
    return { readSince: since, why: "the list is read back to --since" }
  }
  if (settings.fullRefresh) return whole("--full-refresh was given")
  if (previous === undefined || previous.selection.mode === "snapshot")
    return whole("first run of an incremental export")
  if (strict) return whole("--strict was given, and only the whole list shows every change")
  const { oldestOpen, order, finalBefore, undatedOpen } = previous.bookmark
  if (finalBefore === undefined) return whole("no previous read is proven to be complete")
  if (order !== "newest-first") return whole("the list was not sorted newest first in the last run")
  if (undatedOpen)
    return whole(
      "a session with a missing or implausible createdAt may have changed, and could be anywhere in the list"
    )
  const { started } = previous.archive.wholeRead
  const age = now - Date.parse(started)
  if (age < -CLOCK_TOLERANCE) {
    return whole(`the whole list was last read on ${started}, which is still to come by the clock of this machine`)
  }
  if (age >= Duration.toMillis(settings.fullEvery) * DUE) {
    return whole(`--full-every has passed since the whole list was last read, on ${started}`)
  }
  const horizon = Date.parse(finalBefore) - Duration.toMillis(settings.lookBack)
  // Sessions that were written and may still change are read, whatever their age.
  const isOpenBeforeSince = since !== undefined && oldestOpen !== undefined && Date.parse(oldestOpen) < since
  const readSince = since === undefined || isOpenBeforeSince ? horizon : Math.max(horizon, since)
  return { readSince, why: "older sessions were final in the last run" }
}

/** A weekly run may start a little early. */
const DUE = 0.95

/** How far a clock may be set back without a whole read, in milliseconds. */
const CLOCK_TOLERANCE = 3_600_000

/**
 * Why a partial read is not enough, judged by `totalCount`; undefined when it is enough.
 *
 * Every session in the list when the read began was known before, or has been received, or has left. `index` holds the
 * sessions known before.
 */
export const unknownSessions = Effect.fn("Incremental.unknownSessions")(function* (options: {
  readonly index: KeyTable
  readonly journal: string
  readonly listed: number | undefined
  readonly total: number | undefined
  /** Rows of the list that are not sessions. */
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
    ? `the list has ${total} sessions, and only ${known} are known: some were added where a partial read does not look`
    : undefined
})

/** Reads which sessions have been written, and in which state; rejects an index that is not as published. */
export const loadIndex = Effect.fn("Incremental.loadIndex")(function* (manifest: Pick<Manifest, "bookmark">) {
  const destination = yield* Destination
  const { index } = manifest.bookmark
  const table = new KeyTable(index?.sessions)
  for (const published of index?.files ?? []) {
    const file = yield* destination.fetch(published)
    const hash = createHash("sha256")
    yield* checkFile(file).pipe(
      Effect.andThen(eachRecord(file, (record) => void table.set(record), { hash })),
      Effect.catchReason("PlatformError", "NotFound", () => Effect.void)
    )
    if (hash.digest("hex") === published.sha256) continue
    return yield* new AppError({
      message: `${destination.show(published.path)} is not as published; restore it from a backup, or give --full-refresh to start over`,
      exitCode: exitCodes.usage
    })
  }
  return table
}, Effect.scoped)

/** Calls a function with each record of a file, read in pieces; hashes all of its bytes. */
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
