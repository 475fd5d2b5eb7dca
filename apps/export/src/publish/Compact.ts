/**
 * Compacts an incremental archive: the latest version of each row, without the sessions that have left, in one file, or
 * in one per partition.
 *
 * The result is published like any other generation. Memory holds a number per session, about 50 bytes outside the
 * JavaScript heap, and never the rows.
 */
import { AppError } from "@hb-sessions/app-kit/AppError"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import { createHash } from "node:crypto"
import { createWriteStream } from "node:fs"
import { Transform, Writable } from "node:stream"
import { pipeline } from "node:stream/promises"
import type { PartState } from "../resume/Checkpoint.ts"
import * as DataFile from "../files/DataFile.ts"
import { type Form, onlyIds, plain } from "../files/Form.ts"
import { Destination } from "./Destination.ts"
import { checkFile } from "./Directory.ts"
import { names } from "./Layout.ts"
import { exitCodes } from "../exitCodes.ts"
import * as Incremental from "../read/IncrementalPlan.ts"
import * as IndexChanges from "../read/IndexChanges.ts"
import { forEachRecord, KeyTable, makeRecord, setForgotten, setKey } from "../read/KeyTable.ts"
import type { Manifest, PublishedFile, StateFile } from "./Manifest.ts"
import * as Publish from "./Publish.ts"
import { rowReader } from "../files/rowReader.ts"
import type { Selection } from "../settings/Selection.ts"
import type * as Staging from "./Staging.ts"
import type { StoredManifest } from "./StoredManifest.ts"

/** The share of superseded rows above which the files are compacted. */
const MOST_SUPERSEDED = 0.5

/** Whether an archive has several files per partition, or superseded rows. */
export const isScattered = ({ current, files, selection, tombstones }: Manifest): boolean => {
  const partitions = new Set(files.map(({ partition }) => partition))
  return (
    selection.mode === "incremental" &&
    (files.length > partitions.size || tombstones.length > 0 || rowsOf(files) !== current)
  )
}

/** Whether a run should compact the files; `after` is the number of generations with data, 0 for never. */
export const isDue = (manifest: Manifest, after: number): boolean => {
  const { current, files } = manifest
  if (after === 0 || !isScattered(manifest)) return false
  const generations = new Set(files.map(({ generation }) => generation))
  const rows = rowsOf(files)
  return generations.size > after || rows - current > rows * MOST_SUPERSEDED
}

const rowsOf = (files: ReadonlyArray<PublishedFile>): number => files.reduce((sum, { rows }) => sum + rows, 0)

/** Publishes the compacted data as the next generation. */
export const compact = Effect.fn("Compact.compact")(function* (
  staging: Staging.Staging,
  published: StoredManifest,
  retention: Publish.Retention
) {
  const { compacts: _, latest: __, oldestKept: ___, previous: ____, ...manifest } = published.manifest
  const destination = yield* Destination
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const { selection } = manifest
  const generation = manifest.generation + 1
  const home = destination.newHome(staging, generation)
  const data = staging.path("data")
  yield* fs.remove(data, { recursive: true, force: true })
  yield* fs.makeDirectory(data)

  const rows = yield* lastRows(manifest)
  const files: Array<PublishedFile> = []
  for (const partition of new Set(manifest.files.map((file) => file.partition ?? ""))) {
    const raw = staging.path(`compact-${files.length}`)
    const state = yield* writeRows(raw, {
      partition,
      selection,
      rows,
      files: manifest.files.filter((file) => (file.partition ?? "") === partition)
    })
    if (state.rows > 0 || selection.partition === "none") {
      const name = DataFile.nameOf(selection, partition)
      const { bytes, sha256 } = yield* DataFile.finish(raw, path.join(data, name), state, selection)
      files.push({
        path: `${home}/${name}`,
        generation,
        ...(partition === "" ? {} : { partition }),
        rows: state.rows,
        bytes,
        sha256
      })
    }
    yield* fs.remove(raw, { force: true })
  }
  if (rowsOf(files) !== manifest.current) {
    return yield* new AppError({
      message: `the files hold ${rowsOf(files)} current sessions, but the manifest says ${manifest.current}; nothing was changed; run verify, then run with --full-refresh if it finds no problem`,
      exitCode: exitCodes.disk
    })
  }
  return yield* Publish.commit(
    staging,
    {
      ...manifest,
      generation,
      compacts: manifest.generation,
      files,
      tombstones: [],
      ...(selection.partition === "none" ? { latest: DataFile.nameOf(selection, "") } : {}),
      bookmark: {
        ...manifest.bookmark,
        index: yield* writeIndex(manifest, { data, home, generation })
      }
    },
    published,
    retention
  )
}, Effect.scoped)

/** The number of the current row of each session; rows are numbered across all files, oldest first. */
const lastRows = Effect.fnUntraced(function* (
  manifest: Pick<Manifest, "current" | "files" | "selection" | "tombstones">
) {
  const { current, files, selection, tombstones } = manifest
  const table = new KeyTable(current)
  const first = new Map<string, number>()
  const record = makeRecord()
  let number = 0
  const generations = [...new Set([...files, ...tombstones].map(({ generation }) => generation))].toSorted(
    (a, b) => a - b
  )
  for (const generation of generations) {
    for (const file of files.filter((each) => each.generation === generation)) {
      first.set(file.path, number)
      yield* eachRow(file, selection, ({ id }) => {
        setKey(record, id)
        setNumber(record, number++)
        table.set(record)
      })
    }
    for (const file of tombstones.filter((each) => each.generation === generation)) {
      yield* eachRow(file, plain, ({ id }) => {
        setKey(record, id)
        setForgotten(record)
        table.set(record)
      })
    }
  }
  const numbered: Numbered = { table, first }
  return numbered
})

/** Rows by number. */
interface Numbered {
  /** The number of the last row of each session, in place of a fingerprint. */
  readonly table: KeyTable
  /** The number of the first row of each file. */
  readonly first: ReadonlyMap<string, number>
}

/** Odd in its last word, as the fingerprints of a table are. */
const setNumber = (record: Uint32Array, number: number): void => {
  record[4] = number % 2 ** 31
  record[5] = Math.floor(number / 2 ** 31) * 2 + 1
}

/** Writes the rows of a partition that count, those of the newest file first, as the list has them. */
const writeRows = Effect.fnUntraced(function* (
  to: string,
  options: {
    readonly partition: string
    readonly files: ReadonlyArray<PublishedFile>
    readonly selection: Selection
    readonly rows: Numbered
  }
) {
  const { files, partition, rows: numbered, selection } = options
  const hash = createHash("sha256")
  const record = makeRecord()
  let rows = 0
  let bytes = 0
  for (const file of files.toReversed()) {
    let number = numbered.first.get(file.path) ?? 0
    let hasHeader = bytes > 0
    const reader = rowReader(selection)
    const keep = new Transform({
      transform: (chunk: Buffer, _, done) => {
        const kept = reader.read(chunk).filter(({ id }) => {
          setKey(record, id)
          setNumber(record, number++)
          return numbered.table.hasSame(record)
        })
        rows += kept.length
        const written = Buffer.concat([...(hasHeader ? [] : [reader.header()]), ...kept.map((row) => row.bytes)])
        hasHeader ||= written.length > 0
        hash.update(written)
        bytes += written.length
        done(null, written)
      }
    })
    yield* through(file, selection, keep, createWriteStream(to, { flags: "a", flush: true }))
  }
  const state: PartState = { partition, rows, bytes, sha256: hash.digest("hex") }
  return state
})

const eachRow = (file: PublishedFile | StateFile, form: Form, visit: (row: { readonly id: string }) => void) => {
  const reader = rowReader(form)
  const sink = new Writable({
    write: (chunk: Buffer, _, done) => {
      for (const row of reader.read(chunk)) visit(row)
      done()
    }
  })
  return through(file, onlyIds(form), sink)
}

/** Pipes the plain text of a published file through streams. */
const through = Effect.fnUntraced(function* (
  file: PublishedFile | StateFile,
  form: Form,
  ...streams: ReadonlyArray<NodeJS.WritableStream | NodeJS.ReadWriteStream>
) {
  const destination = yield* Destination
  const from = yield* destination.fetch(file)
  yield* checkFile(from)
  const text = yield* DataFile.readText(from, form)
  yield* Effect.tryPromise({
    try: (signal) => pipeline([...text, ...streams], { signal }),
    catch: (error) =>
      new AppError({
        message: `${destination.show(file.path)} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
        exitCode: exitCodes.disk
      })
  })
})

/** The whole index as one file. */
const writeIndex = Effect.fnUntraced(function* (
  manifest: Pick<Manifest, "bookmark">,
  { data, generation, home }: { readonly data: string; readonly home: string; readonly generation: number }
) {
  const path = yield* Path.Path
  const table = yield* Incremental.loadIndex(manifest)
  const { file: _, ...written } = yield* Effect.scoped(
    Effect.gen(function* () {
      const changes = yield* IndexChanges.make(path.join(data, names.index))
      for (const chunk of table.chunks()) {
        forEachRecord(chunk, (record) => changes.add(record))
        yield* changes.drain
      }
      return yield* changes.finish
    })
  )
  return { sessions: table.size, files: [{ path: `${home}/${names.index}`, generation, ...written }] }
})
