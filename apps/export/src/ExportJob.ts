/**
 * The job: one generation, published whole or not at all.
 */
import { AppError } from "@hb-sessions/app-kit/AppError"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import { exitCodes, orDiskError } from "./exitCodes.ts"
import { checkKey, checkRead } from "./publish/checkRead.ts"
import * as Compact from "./publish/Compact.ts"
import * as Directory from "./publish/Directory.ts"
import { names } from "./publish/Directory.ts"
import { checkSettings } from "./publish/Guards.ts"
import * as Lock from "./publish/Lock.ts"
import type { Manifest } from "./publish/Manifest.ts"
import * as Publish from "./publish/Publish.ts"
import { type Published, publishGeneration, reconciledOf, targetOf } from "./publish/publishGeneration.ts"
import * as Staging from "./publish/Staging.ts"
import * as Columns from "./read/Columns.ts"
import { type Attempt, readList } from "./read/readList.ts"
import * as Resume from "./resume/Resume.ts"
import type { Settings } from "./settings/Settings.ts"

/**
 * Exports once.
 *
 * **Details**
 *
 * Locks the directory, recovers from crashes, resumes from a matching checkpoint, reads, and commits. A failure before
 * the commit leaves the published generation unchanged, and a checkpoint if any progress was made.
 *
 * **Gotchas**
 *
 * Fails with `AppError` (2, 5, 74, 75) and with every reason of `SessionsError`.
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

const exportInto = Effect.fnUntraced(function* (staging: Staging.Staging, given: Settings) {
  const previous = yield* recover(staging)
  yield* checkSettings(given, previous)
  yield* checkKey(given, previous)
  const found = yield* Resume.find(staging, given, previous?.generation ?? 0)
  const settings = Option.isSome(found)
    ? { ...given, selection: found.value.checkpoint.plan.selection }
    : yield* Columns.decide(given, previous)
  const attempt = yield* readList(staging, settings, found, previous)
  const reconciled = yield* reconciledOf(staging, attempt)
  yield* checkRead(settings, previous, attempt, reconciled?.current ?? attempt.gathered.written).pipe(
    // The next run must not resume from data that failed a check.
    Effect.tapError(() => Resume.removeCheckpoint(staging))
  )
  const added = yield* publishGeneration(staging, settings, { ...attempt, reconciled }, previous)
  yield* warn(added.manifest)
  yield* warnOfColumns(attempt)
  const published = yield* compacted(staging, settings, added)
  yield* Staging.discard(staging).pipe(
    // The export is published; the next run removes the rest.
    Effect.catch(({ message }) =>
      Effect.logWarning(`the staging directory could not be removed: ${message}; the next run removes it`)
    )
  )
  return published
})

/** Compacts the files when that is due; a failure leaves the generation published. */
const compacted = Effect.fnUntraced(function* (staging: Staging.Staging, settings: Settings, published: Published) {
  if (!Compact.isDue(published.manifest, settings.compactAfter)) return published
  return yield* compactInto(staging, settings, published.manifest).pipe(
    Effect.map(({ digest, manifest, target }): Published => ({ ...published, digest, target, compacted: manifest })),
    Effect.catch(({ message }) =>
      Effect.as(Effect.logWarning(`published, but the files could not be compacted: ${message}`), published)
    )
  )
})

const compactInto = Effect.fnUntraced(function* (
  staging: Staging.Staging,
  retention: Publish.Retention,
  published: Manifest
) {
  const { manifest, sha256 } = yield* Compact.compact(staging, published, retention)
  return { manifest, digest: sha256, target: yield* targetOf(staging, manifest) }
})

/**
 * Compacts an incremental export: the latest version of each session, in one file per partition.
 *
 * Succeeds with undefined when there is nothing to do. Fails with `AppError` (2, 74, 75).
 */
export const compact = Effect.fn("ExportJob.compact")(
  function* (settings: Pick<Settings, "directory" | "keep" | "keepFor" | "takeOverAfter">) {
    const { directory } = settings
    const published = yield* Directory.published(directory)
    if (Option.isNone(published)) {
      return yield* new AppError({
        message: `nothing is published in ${directory}; run an export first`,
        exitCode: exitCodes.usage
      })
    }
    if (published.value.selection.mode !== "incremental") {
      return yield* new AppError({
        message: `${directory} is a snapshot and holds each session once already; compact applies to --mode incremental`,
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

/** A partial read cannot tell which columns no session has. */
const warnOfColumns = ({ gathered: { columns }, plan }: Attempt) => {
  const isWhole = plan.readSince === undefined && plan.resumed === 0
  return Columns.warn(isWhole ? columns : { ...columns, empty: [] }, plan.selection)
}

/** Logs what an operator should know about the published generation. */
const warn = Effect.fnUntraced(function* ({ implausibleTimes, quarantine, report }: Manifest) {
  if (quarantine !== undefined) {
    yield* Effect.logWarning(`${quarantine.rows} rows are not sessions; they are in ${quarantine.path}`)
  }
  if (report.completeness.status === "unproven") {
    yield* Effect.logWarning(`published, but completeness is unproven (${report.completeness.reason})`)
  }
  if (implausibleTimes > 0) {
    yield* Effect.logWarning(
      `${implausibleTimes} sessions have an implausible createdAt, before 2000 or more than a year ahead; they are exported as sent`
    )
  }
})

/** Completes what a crash left half done, and returns the published manifest. */
const recover = Effect.fn("ExportJob.recover")(function* (staging: Staging.Staging) {
  const manifest = Option.getOrUndefined(yield* Directory.published(staging.directory))
  yield* Staging.cleanupGeneration(staging, manifest?.generation ?? 0)
  if (manifest === undefined) return undefined
  const before = yield* Directory.manifestCopy(staging.directory, manifest.generation - 1)
  yield* Publish.reconcileDirectory(staging, manifest, yield* Directory.readManifest(before))
  return manifest
})

/** Removes the staging directory unless a checkpoint in it can be resumed. */
const discardEmpty = Effect.fnUntraced(function* (staging: Staging.Staging) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  for (const directory of [staging.path(), ...staging.previous]) {
    if (yield* fs.exists(path.join(directory, names.checkpoint))) return
  }
  yield* Staging.discard(staging)
})
