/**
 * The files that grow while a run reads, and the checkpoint that covers them.
 */
import * as DurableFile from "@hb-sessions/app-kit/DurableFile"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import * as DataFile from "../files/DataFile.ts"
import { textForm } from "../files/Form.ts"
import * as PartitionFiles from "../files/PartitionFiles.ts"
import { isNotFound } from "../publish/Directory.ts"
import { names } from "../publish/Layout.ts"
import { schemaVersion } from "../publish/Manifest.ts"
import type { Staging } from "../publish/Staging.ts"
import { type Checkpoint, type PartState, type Plan, type Progress, toText } from "../resume/Checkpoint.ts"
import type { Candidate } from "../resume/Resume.ts"
import type { Selection } from "../settings/Selection.ts"

/** The single files, each in its own directory of the staging directory; the keys are those of the checkpoint. */
const single = {
  /** The records of the sessions received. */
  journal: "received.bin",
  /** The state of the scan; appended to, so that the cost of a checkpoint does not grow with the list. */
  scan: "scan.bin",
  /** Where each row is. */
  places: "rows.bin",
  /** The rows that are not sessions. */
  quarantine: names.quarantine
} as const

type Single = keyof typeof single

const singles: ReadonlyArray<Single> = ["journal", "scan", "places", "quarantine"]

/** The directory of the rows, one file a partition. */
const ROWS = "raw"

/** A single file that grows. */
export interface GrowingFile {
  readonly file: string
  readonly addText: (text: string, rows: number) => number
  readonly addBytes: (bytes: Uint8Array, rows: number) => void
  readonly addRecord: (record: Uint32Array, rows: number) => void
}

/** The unfinished files of a run. */
export interface UnfinishedFiles extends Readonly<Record<Single, GrowingFile>> {
  readonly rows: PartitionFiles.PartitionFiles
  /** Copies the files of an interrupted run; false if they are damaged. */
  readonly adopt: (candidate: Candidate) => Effect.Effect<boolean, PlatformError>
  /** Creates the files that exist even when nothing is received. */
  readonly begin: (isUndivided: boolean) => void
  /** Writes the buffers if they are large. */
  readonly drain: Effect.Effect<void, PlatformError>
  /** Flushes everything. */
  readonly sync: Effect.Effect<States, PlatformError>
  /** Flushes everything and replaces the checkpoint. */
  readonly checkpoint: (plan: Plan, progress: Progress) => Effect.Effect<void, PlatformError>
}

/** The size of each file. */
export interface States extends Readonly<Record<Single, PartState>> {
  readonly parts: ReadonlyArray<PartState>
}

/** Creates the unfinished files, empty; they are closed with the scope. */
export const make = Effect.fnUntraced(function* (staging: Staging, selection: Selection, header: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  for (const name of [ROWS, ...singles]) {
    yield* fs.remove(staging.path(name), { recursive: true, force: true })
    yield* fs.makeDirectory(staging.path(name))
  }
  const form = textForm(selection)
  const nameOf = (partition: string) => DataFile.nameOf(form, partition)
  const rows = yield* PartitionFiles.make({ directory: staging.path(ROWS), header, nameOf })
  const makeSingle = (name: Single) =>
    PartitionFiles.make({ directory: staging.path(name), header: "", nameOf: () => single[name] })
  const files: Readonly<Record<Single, PartitionFiles.PartitionFiles>> = {
    journal: yield* makeSingle("journal"),
    scan: yield* makeSingle("scan"),
    places: yield* makeSingle("places"),
    quarantine: yield* makeSingle("quarantine")
  }

  const growing = (name: Single): GrowingFile => ({
    file: files[name].fileOf(name),
    addText: (text, count) => files[name].addText(name, text, count),
    addBytes: (bytes, count) => files[name].addBytes(name, bytes, count),
    addRecord: (record, count) => files[name].addRecord(name, record, count)
  })

  const adopt = Effect.fnUntraced(function* ({ checkpoint: found, directory }: Candidate) {
    for (const name of singles) {
      const from = path.join(directory, name, single[name])
      if (!(yield* orDamaged(files[name].adopt(from, found[name])))) return false
    }
    for (const part of found.parts) {
      if (!(yield* orDamaged(rows.adopt(path.join(directory, ROWS, nameOf(part.partition)), part)))) return false
    }
    return true
  })

  const begin = (isUndivided: boolean): void => {
    if (isUndivided) rows.addText("", "", 0)
    for (const name of singles) files[name].addBytes(name, new Uint8Array(0), 0)
  }

  const stateOf = (name: Single) =>
    Effect.map(files[name].sync, ([state]) => state ?? { partition: name, rows: 0, bytes: 0, sha256: "" })

  const syncAll = Effect.gen(function* () {
    const states: States = {
      parts: yield* rows.sync,
      journal: yield* stateOf("journal"),
      scan: yield* stateOf("scan"),
      places: yield* stateOf("places"),
      quarantine: yield* stateOf("quarantine")
    }
    return states
  })

  const checkpoint = Effect.fnUntraced(
    function* (plan: Plan, progress: Progress) {
      const states = yield* syncAll
      const next: Checkpoint = { schemaVersion, plan, progress, ...states, written: yield* Clock.currentTimeMillis }
      for (const name of [ROWS, ...singles]) yield* DurableFile.syncDirectory(staging.path(name))
      yield* DurableFile.write(staging.path(`${names.checkpoint}.new`), toText(next))
      yield* DurableFile.place(staging.path(`${names.checkpoint}.new`), staging.path(names.checkpoint))
    },
    Effect.provideService(FileSystem.FileSystem, fs),
    Effect.uninterruptible
  )

  const unfinished: UnfinishedFiles = {
    rows,
    journal: growing("journal"),
    scan: growing("scan"),
    places: growing("places"),
    quarantine: growing("quarantine"),
    adopt,
    begin,
    drain: Effect.forEach([rows, ...singles.map((name) => files[name])], ({ drain }) => drain, { discard: true }),
    sync: syncAll,
    checkpoint
  }
  return unfinished
})

/** A missing file is a damaged one. */
const orDamaged = (adopted: Effect.Effect<boolean, PlatformError>) =>
  Effect.catchIf(adopted, isNotFound, () => Effect.succeed(false))
