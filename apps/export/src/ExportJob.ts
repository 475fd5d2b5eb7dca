/**
 * The job: one generation, published whole or not at all.
 */
import { AppError } from "@hb-sessions/app-kit/AppError"
import type { SessionsClient } from "@hb-sessions/core/SessionsClient"
import type { SessionsError } from "@hb-sessions/core/SessionsError"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import type * as Scope from "effect/Scope"
import type { Plan } from "./Checkpoint.ts"
import * as DataFile from "./DataFile.ts"
import * as Directory from "./Directory.ts"
import { names } from "./Directory.ts"
import { exitCodes, orDiskError } from "./exitCodes.ts"
import * as Incremental from "./Incremental.ts"
import { KeyTable } from "./KeyTable.ts"
import * as Lock from "./Lock.ts"
import { type Bookmark, type Manifest, type PublishedFile, schemaVersion } from "./Manifest.ts"
import * as Publish from "./Publish.ts"
import { type Gathered, gather } from "./Reading.ts"
import * as Resume from "./Resume.ts"
import type { Settings } from "./Settings.ts"
import * as Staging from "./Staging.ts"

/**
 * Exports once.
 *
 * **Details**
 *
 * Locks the directory, recovers what a crash left, goes on from a checkpoint that fits, reads, and commits. An end
 * before the commit leaves what was published as it was, and a checkpoint when there is something to go on with.
 *
 * **Gotchas**
 *
 * Fails with `AppError` (2, 5, 74, 75) and with every reason of a read of the sessions.
 */
export const run = Effect.fn("ExportJob.run")(
  function* (settings: Settings) {
    const { directory } = settings
    yield* Directory.checkWritable(directory)
    yield* Directory.make(directory)
    yield* Lock.acquire(directory, settings.takeOverAfter)
    const staging = yield* Staging.fence(directory)
    return yield* exportInto(staging, settings).pipe(
      Staging.orSuperseded(staging),
      Effect.onExit((exit) => (Exit.isSuccess(exit) ? Effect.void : Effect.ignore(discardEmpty(staging))))
    )
  },
  Effect.scoped,
  orDiskError
)

const exportInto = Effect.fnUntraced(function* (staging: Staging.Staging, settings: Settings) {
  const former = yield* recover(staging, settings)
  const found = yield* Resume.find(staging, settings, former?.generation ?? 0)
  const gathered = yield* gatherAll(staging, settings, found, former)
  yield* check(settings, gathered).pipe(
    // A new attempt must not go on with what is known to be wanting.
    Effect.tapError(() => removeCheckpoint(staging))
  )
  const published = yield* publish(staging, settings, gathered, former)
  yield* Staging.discard(staging).pipe(
    // What is published is published; the next run sweeps what is left.
    Effect.catch(({ message }) => Effect.logWarning(`the work files could not be removed: ${message}`))
  )
  return published
})

/** Brings what is published in order, and tells what it is. */
const recover = Effect.fn("ExportJob.recover")(function* (staging: Staging.Staging, { keep }: Settings) {
  const manifest = Option.getOrUndefined(yield* Directory.published(staging.directory))
  yield* Staging.sweepGenerations(staging, manifest?.generation ?? 0)
  if (manifest === undefined) return undefined
  const before = yield* Directory.manifestCopy(staging.directory, manifest.generation - 1)
  yield* Publish.settle(staging, manifest, yield* Directory.readManifest(before), keep)
  return manifest
})

interface Attempt {
  readonly plan: Plan
  readonly index: KeyTable | undefined
  readonly gathered: Gathered
}

/** Reads until there is a whole: anew when a checkpoint is damaged, and once more when a part of the list is not enough. */
const gatherAll = Effect.fn("ExportJob.gather")(function* (
  staging: Staging.Staging,
  settings: Settings,
  found: Option.Option<Resume.Candidate>,
  former: Manifest | undefined
): Effect.fn.Return<
  Attempt,
  AppError | PlatformError | SessionsError,
  FileSystem.FileSystem | Path.Path | SessionsClient | Scope.Scope
> {
  const plan = Option.isSome(found) ? resumedPlan(found.value) : yield* newPlan(settings, former)
  const index = yield* indexOf(staging, settings, former)
  if (Option.isSome(found)) {
    const { received } = found.value.checkpoint.progress
    yield* Effect.logInfo(`an interrupted export goes on after ${received} sessions`)
  }
  const attempt = yield* gather({ staging, settings, plan, candidate: found, index }).pipe(
    Effect.catchReason("SessionsError", "InvalidResumeToken", ({ message }) =>
      Effect.as(Resume.keepAside(staging, staging.path(names.checkpoint), message), Option.none<Gathered>())
    )
  )
  if (Option.isNone(attempt)) {
    const fs = yield* FileSystem.FileSystem
    if (Option.isSome(found) && (yield* fs.exists(found.value.directory))) {
      yield* Resume.keepAside(staging, found.value.directory, "its files are damaged")
    }
    return yield* gatherAll(staging, settings, Option.none(), former)
  }
  const why = shortcoming(settings, plan, attempt.value)
  if (why === undefined) return { plan, index, gathered: attempt.value }
  yield* Effect.logInfo(`the whole list is read: ${why}`)
  yield* removeCheckpoint(staging)
  const { readSince: _, ...whole } = plan
  const again = yield* gather({
    staging,
    settings,
    plan: { ...whole, sweepReason: why },
    candidate: Option.none(),
    index
  })
  return { plan: { ...whole, sweepReason: why }, index, gathered: yield* Effect.fromOption(again).pipe(Effect.orDie) }
})

/** Why a read that ended at a time is not enough; undefined when it is. */
const shortcoming = ({ selection, strict }: Settings, { readSince }: Plan, { hasMissedUndated, report }: Gathered) => {
  if (readSince === undefined) return undefined
  if (selection.mode === "snapshot") {
    const isWanting = strict && report.completeness.status === "unproven" && report.stoppedEarly
    return isWanting ? "what was read back to --since could not be proven to be complete" : undefined
  }
  if (hasMissedUndated) return "a session without createdAt was met, and nothing tells where others are"
  if (report.stoppedEarly || report.order === "newest-first") return undefined
  return "the list is not newest first, so that older sessions had to be looked at too"
}

const removeCheckpoint = Effect.fnUntraced(function* (staging: Staging.Staging) {
  const fs = yield* FileSystem.FileSystem
  yield* fs.remove(staging.path(names.checkpoint), { force: true })
})

const newPlan = Effect.fnUntraced(function* (settings: Settings, former: Manifest | undefined) {
  const { readSince, why } = yield* Incremental.reach(settings, former)
  const plan: Plan = {
    selection: settings.selection,
    account: settings.account,
    base: former?.generation ?? 0,
    sweepReason: why,
    ...(readSince === undefined ? {} : { readSince }),
    ...(settings.since === undefined ? {} : { since: settings.since }),
    ...(settings.until === undefined ? {} : { until: settings.until }),
    ...(settings.pageSize === undefined ? {} : { pageSize: settings.pageSize }),
    started: yield* Clock.currentTimeMillis,
    resumed: 0
  }
  return plan
})

const resumedPlan = ({ checkpoint: { plan } }: Resume.Candidate): Plan => ({ ...plan, resumed: plan.resumed + 1 })

/** What former generations have written; undefined for a snapshot. */
const indexOf = (staging: Staging.Staging, { fullRefresh, selection }: Settings, former: Manifest | undefined) => {
  if (selection.mode === "snapshot") return Effect.undefined
  if (fullRefresh || former === undefined) return Effect.succeed(new KeyTable())
  return Incremental.loadIndex(staging.directory, former)
}

/** Refuses what is less than it claims to be, and with `strict` what claims nothing. */
const check = Effect.fnUntraced(function* ({ strict }: Settings, { gathered, plan }: Attempt) {
  const { distinct, parts, receivedNow, report, written } = gathered
  const { completeness } = report
  const rows = parts.reduce((sum, part) => sum + part.rows, 0)
  const isShort =
    receivedNow !== report.emittedRows ||
    rows !== written ||
    (completeness.status === "proven" && plan.readSince === undefined && distinct < report.distinctRows)
  if (isShort) {
    return yield* new AppError({
      message: `fewer sessions were received (${distinct}) than the list was proven to hold (${report.distinctRows}); nothing is published; please report it`,
      exitCode: exitCodes.unproven
    })
  }
  if (strict && completeness.status === "unproven") {
    return yield* new AppError({
      message: `the export is not proven to be complete (${completeness.reason}), and --strict was given; nothing is published; try again, at a quieter time or with a larger --page-size`,
      exitCode: exitCodes.unproven
    })
  }
})

/** What a run has published. */
export interface Published {
  readonly manifest: Manifest
  /** Bytes of the files of this generation. */
  readonly bytes: number
  /** The file for people, or the directory of the generation. */
  readonly target: string
}

const publish = Effect.fn("ExportJob.publish")(function* (
  staging: Staging.Staging,
  settings: Settings,
  { gathered, index, plan }: Attempt,
  former: Manifest | undefined
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const { selection } = settings
  const generation = (former?.generation ?? 0) + 1
  const home = `${names.generations}/${Directory.generationName(generation)}`
  const data = staging.path("data")
  yield* fs.remove(data, { recursive: true, force: true })
  yield* fs.makeDirectory(data)

  const files: Array<PublishedFile> = []
  for (const part of gathered.parts) {
    const name = DataFile.nameOf(selection, part.partition)
    const from = gathered.fileOf(part.partition)
    const { bytes, sha256 } = yield* DataFile.finish(from, path.join(data, name), part, selection.compress)
    const partition = part.partition === "" ? {} : { partition: part.partition }
    files.push({ path: `${home}/${name}`, generation, ...partition, rows: part.rows, bytes, sha256 })
  }
  const isAdded = selection.mode === "incremental" && former?.selection.mode === "incremental" && !settings.fullRefresh
  const written =
    index === undefined
      ? undefined
      : yield* Incremental.writeIndex({ index, journal: gathered.journal, directory: data })
  const bookmark = bookmarkOf(gathered, isAdded ? former.bookmark : undefined)

  const manifest: Manifest = {
    schemaVersion,
    generation,
    sessions: gathered.written,
    files: isAdded ? [...former.files, ...files] : files,
    ...(selection.partition === "none" ? { latest: DataFile.nameOf(selection, "") } : {}),
    selection,
    completeness: gathered.report.completeness.status,
    sweep: gathered.report.stoppedEarly ? "recent" : "full",
    sweepReason: plan.sweepReason,
    resumed: plan.resumed,
    report: gathered.report,
    bookmark: written === undefined ? bookmark : { ...bookmark, index: { path: `${home}/${names.index}`, ...written } },
    started: iso(plan.started),
    ended: iso(yield* Clock.currentTimeMillis),
    version: settings.version
  }
  yield* Publish.commit(staging, manifest, Option.fromUndefinedOr(former), settings.keep)
  const published: Published = {
    manifest,
    bytes: files.reduce((sum, file) => sum + file.bytes, 0),
    target: path.join(staging.directory, manifest.latest ?? home)
  }
  return published
})

/** Where the next run begins; what an incremental run did not see again counts on. */
const bookmarkOf = ({ progress, report }: Gathered, former: Bookmark | undefined): Bookmark => {
  const before = former?.newestCreatedAt === undefined ? undefined : Date.parse(former.newestCreatedAt)
  const newest =
    before === undefined || progress.newestCreatedAt === undefined
      ? (before ?? progress.newestCreatedAt)
      : Math.max(before, progress.newestCreatedAt)
  return {
    ...(newest === undefined ? {} : { newestCreatedAt: iso(newest) }),
    ...(progress.oldestOpen === undefined ? {} : { oldestOpen: iso(progress.oldestOpen) }),
    undatedOpen: progress.undatedOpen,
    order: report.order === "unknown" ? (former?.order ?? report.order) : report.order
  }
}

const iso = (millis: number): string => new Date(millis).toISOString()

/** Removes the staging directory when there is nothing in it to go on with. */
const discardEmpty = Effect.fnUntraced(function* (staging: Staging.Staging) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  for (const directory of [staging.path(), ...staging.former]) {
    if (yield* fs.exists(path.join(directory, names.checkpoint))) return
  }
  yield* Staging.discard(staging)
})
