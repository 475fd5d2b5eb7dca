/**
 * Drops superseded rows: of a session that was read in several states, the last one is published.
 *
 * While a run reads, a newer row is appended like any other, since a checkpoint covers the beginning of a file. Each row
 * has a place: a record of the key, with the partition and the length of the row in bytes instead of the fingerprint. A
 * session whose last state has no row in this run ends with a place of length 0.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import * as Stream from "effect/Stream"
import { createHash } from "node:crypto"
import type { PartState } from "../resume/Checkpoint.ts"
import { eachRecord } from "./IncrementalPlan.ts"
import * as IndexChanges from "./IndexChanges.ts"
import { KeyTable, makeRecord, setNumbers } from "./KeyTable.ts"

const CHUNK = 256 * 1024

/** The number of a partition in a place: its digits, as all partitions of an export are named alike. */
export const numberOf = (partition: string): number => {
  // The one of an export without partitions, of which each row asks.
  if (partition === "") return 0
  return partition === "undated" ? 0xffffffff : Number(partition.replaceAll("-", ""))
}

/** The place of a row: the second number of a record must be odd. */
export const setPlace = (record: Uint32Array, partition: string, bytes: number): void =>
  setNumbers(record, numberOf(partition), bytes * 2 + 1)

/** The files of a run, and the sessions that it read in more than one state. */
export interface Gathered {
  /** The keys of those sessions. */
  readonly replaced: KeyTable
  readonly places: string
  readonly journal: string
  readonly parts: ReadonlyArray<PartState>
  readonly fileOf: (partition: string) => string
  /** Bytes that every file of rows begins with. */
  readonly headerBytes: number
}

/**
 * Copies the files that hold superseded rows, and the journal, without them.
 *
 * The given files stay unchanged, so that their checkpoint stays valid. Only the replaced sessions are in memory.
 */
export const drop = Effect.fn("Superseded.drop")(function* (gathered: Gathered, directory: string) {
  const { fileOf, headerBytes, journal, parts, places, replaced } = gathered
  const path = yield* Path.Path
  const fs = yield* FileSystem.FileSystem
  yield* fs.remove(directory, { recursive: true, force: true })
  yield* fs.makeDirectory(directory)

  const received = yield* IndexChanges.make(path.join(directory, "received.bin"))
  yield* eachCurrent(journal, replaced, (record, isCurrent) => isCurrent && received.add(record), received.drain)
  yield* received.finish

  const ends = new Map<number, number>()
  const gaps = new Map<number, Array<Gap>>()
  yield* eachCurrent(places, replaced, (record, isCurrent) => {
    const partition = record[4]!
    const length = (record[5]! - 1) / 2
    const from = ends.get(partition) ?? headerBytes
    ends.set(partition, from + length)
    if (isCurrent || length === 0) return
    const found = gaps.get(partition)
    if (found === undefined) gaps.set(partition, [{ from, to: from + length }])
    else found.push({ from, to: from + length })
  })

  const kept = new Map<string, { readonly state: PartState; readonly file: string }>()
  for (const part of parts) {
    const file = fileOf(part.partition)
    const own = gaps.get(numberOf(part.partition))
    if (own === undefined) {
      kept.set(part.partition, { state: part, file })
      continue
    }
    const rows = part.rows - own.length
    // A partition without rows has no file; an unpartitioned export always has its one file.
    if (rows === 0 && part.partition !== "") continue
    const to = path.join(directory, path.basename(file))
    kept.set(part.partition, { state: { ...part, rows, ...(yield* copyWithout(file, to, own)) }, file: to })
  }
  return {
    journal: path.join(directory, "received.bin"),
    parts: [...kept.values()].map(({ state }) => state),
    fileOf: (partition: string) => kept.get(partition)?.file ?? fileOf(partition)
  }
}, Effect.scoped)

interface Gap {
  readonly from: number
  readonly to: number
}

/** Visits the records of a file, each with whether it is the last one of its key. */
const eachCurrent = Effect.fnUntraced(function* (
  file: string,
  replaced: KeyTable,
  visit: (record: Uint32Array, isCurrent: boolean) => void,
  afterPiece: Effect.Effect<void, PlatformError> = Effect.void
) {
  const last = new KeyTable(replaced.size)
  const numbered = makeRecord()
  let number = 0
  yield* eachRecord(file, (record) => {
    numbered.set(record)
    setNumbers(numbered, number++, 1)
    if (replaced.has(numbered)) last.set(numbered)
  })
  number = 0
  yield* eachRecord(
    file,
    (record) => {
      numbered.set(record)
      setNumbers(numbered, number++, 1)
      visit(record, !last.has(numbered) || last.hasSame(numbered))
    },
    { afterPiece }
  )
})

/** Copies a file without some of its bytes; the gaps are in order. */
const copyWithout = Effect.fnUntraced(function* (from: string, to: string, gaps: ReadonlyArray<Gap>) {
  const fs = yield* FileSystem.FileSystem
  const handle = yield* fs.open(to, { flag: "w" })
  const hash = createHash("sha256")
  let at = 0
  let bytes = 0
  let next = 0
  yield* Stream.runForEach(fs.stream(from, { chunkSize: CHUNK }), (chunk) => {
    const pieces: Array<Uint8Array> = []
    const end = at + chunk.length
    let position = at
    for (;;) {
      const gap = gaps[next]
      if (gap === undefined || gap.from >= end) break
      if (gap.from > position) pieces.push(chunk.subarray(position - at, gap.from - at))
      position = Math.max(position, Math.min(gap.to, end))
      if (gap.to > end) break
      next++
    }
    if (position < end) pieces.push(chunk.subarray(position - at))
    at = end
    const data = Buffer.concat(pieces)
    bytes += data.length
    hash.update(data)
    return handle.writeAll(data)
  })
  yield* handle.sync
  return { bytes, sha256: hash.digest("hex") }
}, Effect.scoped)
