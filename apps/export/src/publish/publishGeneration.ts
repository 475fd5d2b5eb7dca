/**
 * Turns a read into a generation: its files, its manifest, and the commit.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as DataFile from "../files/DataFile.ts"
import { textForm, plain } from "../files/Form.ts"
import * as IndexChanges from "../read/IndexChanges.ts"
import type { Attempt } from "../read/readList.ts"
import { reconcileIndex, type Reconciled } from "../read/reconcileIndex.ts"
import { ServerClock } from "../read/ServerClock.ts"
import type { Settings } from "../settings/Settings.ts"
import { joinTeams } from "./Account.ts"
import { archiveOf } from "./Archive.ts"
import { bookmarkOf } from "./Bookmark.ts"
import { Destination } from "./Destination.ts"
import { homeOf, names } from "./Layout.ts"
import { type Manifest, type PublishedFile, schemaVersion, toTime } from "./Manifest.ts"
import * as Publish from "./Publish.ts"
import type { Staging } from "./Staging.ts"
import type { StoredManifest } from "./StoredManifest.ts"
import * as Tombstones from "./Tombstones.ts"

/** The reconciled index, and the file of its changes. */
export type Changed = Reconciled & { readonly changes: IndexChanges.Written }

/** Reconciles the index of an incremental export with a read; undefined for a snapshot. */
export const reconciledOf = Effect.fnUntraced(function* (staging: Staging, { gathered, index, plan }: Attempt) {
  if (index === undefined) return undefined
  const changes = yield* IndexChanges.make(staging.path(names.index))
  const { report } = gathered
  const reconciled = yield* reconcileIndex({
    before: index,
    journal: gathered.journal,
    // A session may be behind a row whose id cannot be read.
    isWholeList: plan.readSince === undefined && report.completeness.status === "proven" && report.unreadableRows === 0,
    changes
  })
  return { ...reconciled, changes: yield* changes.finish }
}, Effect.scoped)

/** What a run has published. */
export interface Published {
  readonly stored: StoredManifest
  /** Bytes of the files of this generation. */
  readonly bytes: number
  /** Where `sessions.csv` is, or the directory of the generation: a path or a URL. */
  readonly target: string
  /** The generation that then compacted the files; absent if that was not due. */
  readonly compacted?: StoredManifest
}

/** The input of a generation. */
interface Input {
  readonly staging: Staging
  readonly settings: Settings
  readonly attempt: Attempt
  readonly reconciled: Changed | undefined
  readonly generation: number
  /** The directory of the generation, relative to the published directory. */
  readonly home: string
  /** The generation that this one adds to; undefined when it stands alone. */
  readonly base: Manifest | undefined
}

/** Writes the files of a generation, and commits it. */
export const publishGeneration = Effect.fn("publishGeneration")(function* (
  staging: Staging,
  settings: Settings,
  attempt: Attempt & { readonly reconciled: Changed | undefined },
  stored: StoredManifest | undefined
) {
  const destination = yield* Destination
  const { selection } = settings
  const previous = stored?.manifest
  const isAdded =
    selection.mode === "incremental" && previous?.selection.mode === "incremental" && !settings.fullRefresh
  const generation = (previous?.generation ?? 0) + 1
  const { reconciled } = attempt
  const home = destination.newHome(staging, generation)
  const input: Input = {
    staging,
    settings,
    attempt,
    reconciled,
    generation,
    home,
    base: isAdded ? previous : undefined
  }

  const fs = yield* FileSystem.FileSystem
  yield* fs.remove(staging.path("data"), { recursive: true, force: true })
  yield* fs.makeDirectory(staging.path("data"))
  const files = yield* writeData(input)
  const index = yield* writeIndex(input)
  const ended = toTime(yield* Clock.currentTimeMillis)
  const tombstones = yield* writeTombstones(input, ended)
  const quarantine = yield* writeQuarantine(input)
  const content = yield* contentOf(input, { files, index, tombstones, quarantine, ended })
  const next = yield* Publish.commit(staging, content, stored, settings)
  const published: Published = {
    stored: next,
    bytes: files.reduce((sum, file) => sum + file.bytes, 0),
    target: yield* targetOf(next.manifest)
  }
  return published
})

/** Where the current data of a manifest is, to show: the file, or the directory of the generation. */
export const targetOf = ({ generation, latest }: Manifest) =>
  Effect.map(Destination, ({ show }) => show(latest ?? homeOf(generation)))

/** Writes the data files. */
const writeData = Effect.fnUntraced(function* ({ attempt, base, generation, home, settings, staging }: Input) {
  const { selection } = settings
  const { gathered } = attempt
  const files: Array<PublishedFile> = []
  for (const part of gathered.parts) {
    if (base !== undefined && part.rows === 0) continue
    const name = DataFile.nameOf(selection, part.partition)
    const from = gathered.fileOf(part.partition)
    const { bytes, sha256 } = yield* DataFile.finish(from, staging.path("data", name), part, selection)
    const partition = part.partition === "" ? {} : { partition: part.partition }
    files.push({ path: `${home}/${name}`, generation, ...partition, rows: part.rows, bytes, sha256 })
  }
  return files
})

/** The files of the index, that of this generation last. */
const writeIndex = Effect.fnUntraced(function* ({ base, generation, home, reconciled, staging }: Input) {
  const files = [...(base?.bookmark.index?.files ?? [])]
  if (reconciled !== undefined && reconciled.changes.rows > 0) {
    const fs = yield* FileSystem.FileSystem
    const { file, ...changes } = reconciled.changes
    yield* fs.rename(file, staging.path("data", names.index))
    files.push({ path: `${home}/${names.index}`, generation, ...changes })
  }
  return files
})

/** The files of tombstones, that of this generation last. */
const writeTombstones = Effect.fnUntraced(function* (input: Input, leftAt: string) {
  const { attempt, base, generation, home, reconciled, settings, staging } = input
  if (base === undefined) return []
  if (reconciled === undefined) return base.tombstones
  const destination = yield* Destination
  const { gathered } = attempt
  const written = yield* Tombstones.write({
    reconciled,
    selection: settings.selection,
    leftAt,
    to: staging.path("data", names.tombstones),
    sources: [
      ...base.files.map((file) => ({ file: destination.fetch(file), form: base.selection })),
      ...gathered.parts.map(({ partition }) => ({
        file: Effect.succeed(gathered.fileOf(partition)),
        form: textForm(settings.selection)
      }))
    ]
  })
  if (written === undefined) return base.tombstones
  return [...base.tombstones, { path: `${home}/${names.tombstones}`, generation, ...written }]
})

/** The file of the rows that are not sessions; undefined for none. */
const writeQuarantine = Effect.fnUntraced(function* ({ attempt, generation, home, staging }: Input) {
  const { file, state } = attempt.gathered.quarantine
  if (state.rows === 0) return undefined
  yield* DataFile.finish(file, staging.path("data", names.quarantine), state, plain)
  const { bytes, rows, sha256 } = state
  return { path: `${home}/${names.quarantine}`, generation, rows, bytes, sha256 }
})

/** The written files. */
interface Written {
  readonly files: ReadonlyArray<PublishedFile>
  readonly index: ReadonlyArray<PublishedFile>
  readonly tombstones: Manifest["tombstones"]
  readonly quarantine: Manifest["quarantine"]
  /** ISO 8601. */
  readonly ended: string
}

const contentOf = Effect.fnUntraced(function* (
  { attempt, base, generation, reconciled, settings }: Input,
  { ended, files, index, quarantine, tombstones }: Written
) {
  const { selection } = settings
  const { gathered, plan } = attempt
  const { progress, report } = gathered
  const clock = yield* ServerClock
  const bookmark = bookmarkOf({
    plan,
    progress,
    report,
    ahead: yield* clock.ahead,
    known: reconciled?.index.size,
    before: base?.bookmark
  })
  const allFiles = [...(base?.files ?? []), ...files]
  const isOneFile = selection.partition === "none" && allFiles.length === 1 && tombstones.length === 0
  const content: Publish.Content = {
    schemaVersion,
    generation,
    sessions: gathered.written,
    current: reconciled?.current ?? gathered.written,
    files: allFiles,
    tombstones,
    ...(quarantine === undefined ? {} : { quarantine }),
    ...(isOneFile ? { latest: DataFile.nameOf(selection, "") } : {}),
    selection,
    account: { key: plan.key, teams: joinTeams(base?.account.teams ?? [], progress.teams) },
    completeness: report.completeness.status,
    archive: archiveOf({ generation, plan, report, ended, before: base?.archive }),
    scope: report.stoppedEarly ? "recent" : "full",
    scopeReason: plan.scopeReason,
    resumed: plan.resumed,
    report,
    ...(gathered.columns.leftOut.length === 0 ? {} : { columnsLeftOut: gathered.columns.leftOut }),
    implausibleTimes: progress.implausible,
    bookmark:
      reconciled === undefined ? bookmark : { ...bookmark, index: { sessions: reconciled.index.size, files: index } },
    started: toTime(plan.started),
    ended,
    version: settings.version
  }
  return content
})
