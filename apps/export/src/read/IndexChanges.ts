/**
 * The changes of a run to the index, in a file of their own: the index of an archive is the sequence of such files.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import { createHash } from "node:crypto"
import { ByteBuffer } from "../files/ByteBuffer.ts"
import { RECORD_BYTES } from "./KeyTable.ts"

/** Writes records to a file. */
export interface IndexChanges {
  /** Adds a copy of a record; it is on the disk after `finish`. */
  readonly add: (record: Uint32Array) => void
  /** Writes the added records. */
  readonly drain: Effect.Effect<void, PlatformError>
  /** Writes and flushes everything, and returns the size of the file. */
  readonly finish: Effect.Effect<Written, PlatformError>
}

/** A file of records. */
export interface Written {
  readonly file: string
  readonly rows: number
  readonly bytes: number
  readonly sha256: string
}

/** Makes the file; it is closed with the scope. */
export const make = Effect.fn("IndexChanges.make")(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const handle = yield* fs.open(file, { flag: "w" })
  const hash = createHash("sha256")
  let rows = 0
  const pending = new ByteBuffer()
  const drain = Effect.suspend(() => {
    if (pending.length === 0) return Effect.void
    const data = pending.take()
    rows += data.length / RECORD_BYTES
    hash.update(data)
    return handle.writeAll(data)
  })
  const changes: IndexChanges = {
    add: (record) => pending.addWords(record),
    drain,
    finish: Effect.gen(function* () {
      yield* drain
      yield* handle.sync
      const written: Written = { file, rows, bytes: rows * RECORD_BYTES, sha256: hash.digest("hex") }
      return written
    })
  }
  return changes
})
