/**
 * The growing files of a run: one per partition.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { createHash, type Hash } from "node:crypto"
import type { PartState } from "../resume/Checkpoint.ts"
import { ByteBuffer } from "./ByteBuffer.ts"

/** Bytes to buffer before writing. */
const BUFFER = 256 * 1024

/** Maximum number of open files. */
const MAX_OPEN = 64

interface Part {
  readonly partition: string
  readonly file: string
  readonly buffer: ByteBuffer
  rows: number
  bytes: number
  hash: Hash
  open: { readonly handle: FileSystem.File; readonly scope: Scope.Closeable } | undefined
  dirty: boolean
}

/** Files that grow side by side. */
export interface PartitionFiles {
  /** Adds text to the file of a partition, and returns its bytes; it is on the disk after `sync`. */
  readonly addText: (partition: string, text: string, rows: number) => number
  /** Adds bytes to the file of a partition. */
  readonly addBytes: (partition: string, bytes: Uint8Array, rows: number) => void
  /** Adds a record of numbers of 32 bits to the file of a partition. */
  readonly addRecord: (partition: string, record: Uint32Array, rows: number) => void
  /** Writes the buffers if they are large. Not interruptible. */
  readonly drain: Effect.Effect<void, PlatformError>
  /** Writes and flushes everything, and returns the size of each file. Not interruptible. */
  readonly sync: Effect.Effect<ReadonlyArray<PartState>, PlatformError>
  /** Copies the beginning of the file of a previous run; false if it does not match its digest. */
  readonly adopt: (from: string, state: PartState) => Effect.Effect<boolean, PlatformError>
  /** The path of the file of a partition. */
  readonly fileOf: (partition: string) => string
}

/** Creates the files of a run in an existing directory; they are closed with the scope. */
export const make = Effect.fnUntraced(function* (options: {
  readonly directory: string
  readonly header: string
  readonly nameOf: (partition: string) => string
}) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const scope = yield* Effect.scope
  const parts = new Map<string, Part>()
  let buffered = 0

  const fileOf = (partition: string) => path.join(options.directory, options.nameOf(partition))

  const create = (partition: string, header: string): Part => {
    const part: Part = {
      partition,
      file: fileOf(partition),
      buffer: new ByteBuffer(),
      rows: 0,
      bytes: 0,
      hash: createHash("sha256"),
      open: undefined,
      dirty: true
    }
    parts.set(partition, part)
    buffered += part.buffer.addText(header)
    return part
  }

  const partOf = (partition: string) => parts.get(partition) ?? create(partition, options.header)

  const close = Effect.fnUntraced(function* (part: Part) {
    if (part.open === undefined) return
    const { handle, scope: own } = part.open
    if (part.dirty) yield* handle.sync
    part.dirty = part.buffer.length > 0
    part.open = undefined
    yield* Scope.close(own, Exit.void)
  })

  const open = Effect.fnUntraced(function* (part: Part) {
    if (part.open !== undefined) {
      // The least recently used file is closed first.
      parts.delete(part.partition)
      parts.set(part.partition, part)
      return part.open.handle
    }
    const opened = [...parts.values()].filter((other) => other.open !== undefined)
    if (opened.length >= MAX_OPEN && opened[0] !== undefined) yield* close(opened[0])
    const own = yield* Scope.fork(scope)
    const handle = yield* Scope.provide(fs.open(part.file, { flag: "a" }), own)
    part.open = { handle, scope: own }
    return handle
  })

  const write = Effect.fnUntraced(function* (part: Part) {
    const handle = yield* open(part)
    if (part.buffer.length === 0) return handle
    const data = part.buffer.take()
    buffered -= data.length
    part.dirty = true
    yield* handle.writeAll(data)
    part.bytes += data.length
    part.hash.update(data)
    return handle
  })

  const drain = Effect.suspend(() => {
    if (buffered < BUFFER) return Effect.void
    // With many partitions each buffer is small; then all are written.
    const large = [...parts.values()].filter((part) => part.buffer.length >= BUFFER / 4)
    return Effect.forEach(large.length > 0 ? large : [...parts.values()], write, { discard: true })
  }).pipe(Effect.uninterruptible)

  const sync = Effect.gen(function* () {
    for (const part of [...parts.values()]) {
      if (!part.dirty && part.buffer.length === 0) continue
      const handle = yield* write(part)
      yield* handle.sync
      part.dirty = false
    }
    return [...parts.values()]
      .map(({ bytes, hash, partition, rows }) => ({ partition, rows, bytes, sha256: hash.copy().digest("hex") }))
      .toSorted((a, b) => (a.partition < b.partition ? -1 : 1))
  }).pipe(Effect.uninterruptible)

  const adopt = Effect.fnUntraced(function* (from: string, state: PartState) {
    if ((yield* fs.stat(from)).type !== "File") return false
    const part = create(state.partition, "")
    const handle = yield* open(part)
    // Copied, since the previous run may still have it open.
    const limited = state.bytes === 0 ? Stream.empty : fs.stream(from, { bytesToRead: state.bytes, chunkSize: BUFFER })
    yield* Stream.runForEach(limited, (data) => {
      part.bytes += data.length
      part.hash.update(data)
      return handle.writeAll(data)
    })
    part.rows = state.rows
    return part.bytes === state.bytes && part.hash.copy().digest("hex") === state.sha256
  })

  const files: PartitionFiles = {
    addText: (partition, text, rows) => {
      const part = partOf(partition)
      const bytes = part.buffer.addText(text)
      buffered += bytes
      part.rows += rows
      return bytes
    },
    addBytes: (partition, bytes, rows) => {
      const part = partOf(partition)
      part.buffer.addBytes(bytes)
      buffered += bytes.length
      part.rows += rows
    },
    addRecord: (partition, record, rows) => {
      const part = partOf(partition)
      part.buffer.addWords(record)
      buffered += record.byteLength
      part.rows += rows
    },
    drain,
    sync,
    adopt,
    fileOf
  }
  return files
})
