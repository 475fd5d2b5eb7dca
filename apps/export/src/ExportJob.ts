/**
 * The job: one generation, published whole or not at all.
 */
import { AppError } from "@hb-sessions/app-kit/AppError"
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import type { SessionsError } from "@hb-sessions/core/SessionsError"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { Plan } from "./Checkpoint.ts"
import { archiveOf } from "./Archive.ts"
import { fingerprint, isOf, joinTeams, checkSame } from "./Account.ts"
import { bookmarkOf } from "./Bookmark.ts"
import * as Compact from "./Compact.ts"
import * as DataFile from "./DataFile.ts"
import * as Directory from "./Directory.ts"
import { names } from "./Directory.ts"
import { exitCodes, orDiskError } from "./exitCodes.ts"
import { checkSettings, checkShrink } from "./Guards.ts"
import * as Incremental from "./Incremental.ts"
import * as IndexChanges from "./IndexChanges.ts"
import { KeyTable } from "./KeyTable.ts"
import * as Lock from "./Lock.ts"
import { type Manifest, type PublishedFile, schemaVersion, toTime } from "./Manifest.ts"
import * as Publish from "./Publish.ts"
import { type Gathered, gather } from "./Reading.ts"
import { reconcile, type Reconciled } from "./Reconcile.ts"
import * as Quarantine from "./Quarantine.ts"
import * as Resume from "./Resume.ts"
import { ServerClock } from "./ServerClock.ts"
import type { Settings } from "./Settings.ts"
import * as Staging from "./Staging.ts"
import * as Tombstones from "./Tombstones.ts"

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
  const former = yield* recover(staging)
  yield* checkSettings(settings, former)
  yield* checkKey(settings, former)
  const found = yield* Resume.find(staging, settings, former?.generation ?? 0)
  const attempt = yield* gatherAll(staging, settings, found, former)
  const reconciled = yield* reconciledOf(staging, attempt)
  yield* check(settings, attempt).pipe(
    Effect.andThen(checkAccount(settings, former, attempt.gathered.progress.teams)),
    Effect.andThen(
      checkShrink(settings, former, {
        current: reconciled?.current ?? attempt.gathered.written,
        report: attempt.gathered.report
      })
    ),
    // A new attempt must not go on with what is known to be wanting.
    Effect.tapError(() => removeCheckpoint(staging))
  )
  const added = yield* publish(staging, settings, { ...attempt, reconciled }, former)
  yield* warn(added.manifest)
  const published = yield* compacted(staging, settings, added)
  yield* Staging.discard(staging).pipe(
    // What is published is published; the next run sweeps what is left.
    Effect.catch(({ message }) => Effect.logWarning(`the work files could not be removed: ${message}`))
  )
  return published
})

/** Puts the files together when that is due; what was published stays published when that fails. */
const compacted = Effect.fnUntraced(function* (staging: Staging.Staging, settings: Settings, published: Published) {
  if (!Compact.isDue(published.manifest, settings.compactAfter)) return published
  return yield* compactInto(staging, settings, published.manifest).pipe(
    Effect.map(({ digest, manifest, target }): Published => ({ ...published, digest, target, compacted: manifest })),
    Effect.catch(({ message }) =>
      Effect.as(Effect.logWarning(`published, but the files could not be put together: ${message}`), published)
    )
  )
})

const compactInto = Effect.fnUntraced(function* (
  staging: Staging.Staging,
  retention: Publish.Retention,
  published: Manifest
) {
  const path = yield* Path.Path
  const { manifest, sha256 } = yield* Compact.compact(staging, published, retention)
  const home = `${names.generations}/${Directory.generationName(manifest.generation)}`
  return { manifest, digest: sha256, target: path.join(staging.directory, manifest.latest ?? home) }
})

/**
 * Puts the files of an incremental export together: the last version of each session, in one file a partition.
 *
 * Succeeds with undefined when there is nothing to do. Fails with `AppError` (2, 74, 75).
 */
export const compact = Effect.fn("ExportJob.compact")(
  function* (settings: Pick<Settings, "directory" | "keep" | "keepFor" | "takeOverAfter">) {
    const { directory } = settings
    const published = yield* Directory.published(directory)
    if (Option.isNone(published)) {
      return yield* new AppError({ message: `nothing is published in ${directory}`, exitCode: exitCodes.usage })
    }
    if (published.value.selection.mode !== "incremental") {
      return yield* new AppError({
        message: `${directory} is a snapshot, whose files hold each session once; compact is for --mode incremental`,
        exitCode: exitCodes.usage
      })
    }
    yield* Directory.checkWritable(directory)
    yield* Lock.acquire(directory, settings.takeOverAfter)
    const staging = yield* Staging.fence(directory)
    return yield* Effect.gen(function* () {
      const manifest = yield* recover(staging)
      if (manifest === undefined || !Compact.isScattered(manifest)) return undefined
      return yield* compactInto(staging, settings, manifest)
    }).pipe(Staging.orSuperseded(staging), Effect.ensuring(Effect.ignore(discardEmpty(staging))))
  },
  Effect.scoped,
  orDiskError
)

/** Says what a person should know of what was published. */
const warn = Effect.fnUntraced(function* ({ implausibleTimes, quarantine, report }: Manifest) {
  if (quarantine !== undefined) {
    yield* Effect.logWarning(`${quarantine.rows} rows are no sessions; they are in ${quarantine.path}`)
  }
  if (report.completeness.status === "unproven") {
    yield* Effect.logWarning(`published, but not proven to be complete (${report.completeness.reason})`)
  }
  if (implausibleTimes > 0) {
    yield* Effect.logWarning(
      `${implausibleTimes} sessions have a createdAt before 2000 or more than a year ahead; they are exported, but their time cannot be true`
    )
  }
})

/** With an unknown key, one request tells whether the team is the same, before all the others are made. */
const checkKey = Effect.fn("ExportJob.checkKey")(function* (settings: Settings, former: Manifest | undefined) {
  if (former === undefined || settings.key === undefined || isOf(former.account.key, settings.key)) return
  if (settings.fullRefresh) return
  const client = yield* SessionsClient
  const { sessions } = yield* client.getPage({
    page: 1,
    ...(settings.pageSize === undefined ? {} : { limit: settings.pageSize })
  })
  yield* checkAccount(
    settings,
    former,
    joinTeams(
      [],
      sessions.flatMap(({ teamId }) => teamId ?? [])
    )
  )
})

const checkAccount = (
  { acceptAccountChange, fullRefresh, key }: Settings,
  former: Manifest | undefined,
  teams: ReadonlyArray<string>
) =>
  former === undefined || key === undefined || fullRefresh || acceptAccountChange
    ? Effect.void
    : checkSame({ published: former.account, generation: former.generation, key, teams })

/** What the read means, and the file of what it changes in the index. */
type Changed = Reconciled & { readonly changes: IndexChanges.Written }

/** What the read means for an incremental export; undefined for a snapshot. */
const reconciledOf = Effect.fnUntraced(function* (staging: Staging.Staging, { gathered, index, plan }: Attempt) {
  if (index === undefined) return undefined
  const changes = yield* IndexChanges.make(staging.path(names.index))
  const { report } = gathered
  const reconciled = yield* reconcile({
    before: index,
    journal: gathered.journal,
    // A session may be behind a row whose id cannot be read.
    isWholeList: plan.readSince === undefined && report.completeness.status === "proven" && report.unreadableRows === 0,
    changes
  })
  return { ...reconciled, changes: yield* changes.finish }
}, Effect.scoped)

/** Brings what is published in order, and tells what it is. */
const recover = Effect.fn("ExportJob.recover")(function* (staging: Staging.Staging) {
  const manifest = Option.getOrUndefined(yield* Directory.published(staging.directory))
  yield* Staging.sweepGenerations(staging, manifest?.generation ?? 0)
  if (manifest === undefined) return undefined
  const before = yield* Directory.manifestCopy(staging.directory, manifest.generation - 1)
  yield* Publish.settle(staging, manifest, yield* Directory.readManifest(before))
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
  FileSystem.FileSystem | Path.Path | SessionsClient | ServerClock | Scope.Scope
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
  const why =
    shortcoming(settings, plan, attempt.value) ??
    (index === undefined || plan.readSince === undefined
      ? undefined
      : yield* Incremental.unknownSessions({
          index,
          journal: attempt.value.journal,
          listed: former?.bookmark.listed,
          total: attempt.value.report.totalCountFirst,
          // The total counts them too; the same ones as before, as far as can be told.
          quarantined: Math.max(attempt.value.quarantine.state.rows, former?.report.unreadableRows ?? 0)
        }))
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
  if (hasMissedUndated)
    return "a session without createdAt, or with an impossible one, was met, and nothing tells where others are"
  if (report.stoppedEarly || report.order === "newest-first") return undefined
  return "the list is not newest first, so that older sessions had to be looked at too"
}

const removeCheckpoint = Effect.fnUntraced(function* (staging: Staging.Staging) {
  const fs = yield* FileSystem.FileSystem
  yield* fs.remove(staging.path(names.checkpoint), { force: true })
})

const newPlan = Effect.fnUntraced(function* (settings: Settings, former: Manifest | undefined) {
  const started = yield* Clock.currentTimeMillis
  const { readSince, why } = Incremental.reach(settings, former, started)
  const key = settings.key ?? Redacted.make("")
  const plan: Plan = {
    selection: settings.selection,
    key: former !== undefined && isOf(former.account.key, key) ? former.account.key : fingerprint(key),
    base: former?.generation ?? 0,
    sweepReason: why,
    ...(readSince === undefined ? {} : { readSince }),
    ...(settings.since === undefined ? {} : { since: settings.since }),
    ...(settings.until === undefined ? {} : { until: settings.until }),
    ...(settings.pageSize === undefined ? {} : { pageSize: settings.pageSize }),
    started,
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
const check = Effect.fnUntraced(function* ({ maxQuarantine, strict }: Settings, { gathered, plan }: Attempt) {
  const { distinct, parts, progress, quarantine, receivedNow, report, written } = gathered
  yield* Quarantine.check({
    quarantined: quarantine.state.rows,
    // A run that reads the newest part of a list is judged by the whole: a row that stays odd must not fail every night.
    received: Math.max(progress.received, (report.totalCountLast ?? 0) - quarantine.state.rows),
    most: maxQuarantine
  })
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
  /** SHA-256 of the manifest's text. */
  readonly digest: string
  /** Bytes of the files of this generation. */
  readonly bytes: number
  /** The file for people, or the directory of the generation. */
  readonly target: string
  /** The generation in which the files were then put together; absent when that was not due. */
  readonly compacted?: Manifest
}

const publish = Effect.fn("ExportJob.publish")(function* (
  staging: Staging.Staging,
  settings: Settings,
  { gathered, plan, reconciled }: Attempt & { readonly reconciled: Changed | undefined },
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

  const isAdded = selection.mode === "incremental" && former?.selection.mode === "incremental" && !settings.fullRefresh
  const files: Array<PublishedFile> = []
  for (const part of gathered.parts) {
    if (isAdded && part.rows === 0) continue
    const name = DataFile.nameOf(selection, part.partition)
    const from = gathered.fileOf(part.partition)
    const { bytes, sha256 } = yield* DataFile.finish(from, path.join(data, name), part, selection.compress)
    const partition = part.partition === "" ? {} : { partition: part.partition }
    files.push({ path: `${home}/${name}`, generation, ...partition, rows: part.rows, bytes, sha256 })
  }
  const indexFiles = isAdded ? [...(former.bookmark.index?.files ?? [])] : []
  if (reconciled !== undefined && reconciled.changes.rows > 0) {
    const { file, ...changes } = reconciled.changes
    yield* fs.rename(file, path.join(data, names.index))
    indexFiles.push({ path: `${home}/${names.index}`, generation, ...changes })
  }
  const ended = toTime(yield* Clock.currentTimeMillis)
  const tombstones =
    reconciled === undefined || !isAdded
      ? undefined
      : yield* Tombstones.write({
          reconciled,
          selection,
          leftAt: ended,
          to: path.join(data, names.tombstones),
          sources: [
            ...former.files.map((file) => ({
              file: path.join(staging.directory, file.path),
              compress: former.selection.compress
            })),
            ...gathered.parts.map(({ partition }) => ({
              file: gathered.fileOf(partition),
              compress: "none" as const
            }))
          ]
        })
  const { progress, quarantine, report } = gathered
  if (quarantine.state.rows > 0) {
    yield* DataFile.finish(quarantine.file, path.join(data, names.quarantine), quarantine.state, "none")
  }
  const clock = yield* ServerClock
  const bookmark = bookmarkOf({
    plan,
    progress,
    report,
    ahead: yield* clock.ahead,
    known: reconciled?.index.size,
    before: isAdded ? former.bookmark : undefined
  })

  const allFiles = isAdded ? [...former.files, ...files] : files
  const allTombstones = [
    ...(isAdded ? former.tombstones : []),
    ...(tombstones === undefined ? [] : [{ path: `${home}/${names.tombstones}`, generation, ...tombstones }])
  ]
  const isOneFile = selection.partition === "none" && allFiles.length === 1 && allTombstones.length === 0

  const content: Publish.Content = {
    schemaVersion,
    generation,
    sessions: gathered.written,
    current: reconciled?.current ?? gathered.written,
    files: allFiles,
    tombstones: allTombstones,
    ...(quarantine.state.rows > 0
      ? {
          quarantine: {
            path: `${home}/${names.quarantine}`,
            generation,
            rows: quarantine.state.rows,
            bytes: quarantine.state.bytes,
            sha256: quarantine.state.sha256
          }
        }
      : {}),
    ...(isOneFile ? { latest: DataFile.nameOf(selection, "") } : {}),
    selection,
    account: {
      key: plan.key,
      teams: joinTeams(isAdded ? former.account.teams : [], progress.teams)
    },
    completeness: report.completeness.status,
    archive: archiveOf({ generation, plan, report, ended, before: isAdded ? former.archive : undefined }),
    sweep: report.stoppedEarly ? "recent" : "full",
    sweepReason: plan.sweepReason,
    resumed: plan.resumed,
    report,
    implausibleTimes: progress.implausible,
    bookmark:
      reconciled === undefined
        ? bookmark
        : { ...bookmark, index: { sessions: reconciled.index.size, files: indexFiles } },
    started: toTime(plan.started),
    ended,
    version: settings.version
  }
  const { manifest, sha256 } = yield* Publish.commit(staging, content, settings)
  const published: Published = {
    manifest,
    digest: sha256,
    bytes: files.reduce((sum, file) => sum + file.bytes, 0),
    target: path.join(staging.directory, manifest.latest ?? home)
  }
  return published
})

/** Removes the staging directory when there is nothing in it to go on with. */
const discardEmpty = Effect.fnUntraced(function* (staging: Staging.Staging) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  for (const directory of [staging.path(), ...staging.former]) {
    if (yield* fs.exists(path.join(directory, names.checkpoint))) return
  }
  yield* Staging.discard(staging)
})
