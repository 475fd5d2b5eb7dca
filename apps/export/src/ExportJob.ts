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
import { Destination } from "./publish/Destination.ts"
import { checkSettings } from "./publish/Guards.ts"
import { names } from "./publish/Layout.ts"
import type { Manifest } from "./publish/Manifest.ts"
import type * as Publish from "./publish/Publish.ts"
import { type Published, publishGeneration, reconciledOf, targetOf } from "./publish/publishGeneration.ts"
import * as Staging from "./publish/Staging.ts"
import type { StoredManifest } from "./publish/StoredManifest.ts"
import * as Columns from "./read/Columns.ts"
import { type Attempt, readList } from "./read/readList.ts"
import * as Resume from "./resume/Resume.ts"
import type { Settings } from "./settings/Settings.ts"

/**
 * Exports once.
 *
 * **Details**
 *
 * Takes the lease of the destination, recovers from crashes, resumes from a matching checkpoint, reads, and commits. A
 * failure before the commit leaves the published generation unchanged, and a checkpoint if any progress was made.
 *
 * **Gotchas**
 *
 * Fails with `AppError` (2, 5, 74, 75) and with every reason of `SessionsError`.
 */
export const run = Effect.fn("ExportJob.run")(
  function* (settings: Settings) {
    const { begin, name } = yield* Destination
    const staging = yield* begin
    return yield* exportInto(staging, settings).pipe(
      Staging.orSuperseded(staging, name),
      Effect.onExit((exit) => (Exit.isSuccess(exit) ? Effect.void : Effect.ignore(discardEmpty(staging))))
    )
  },
  Effect.scoped,
  orDiskError
)

const exportInto = Effect.fnUntraced(function* (staging: Staging.Staging, given: Settings) {
  const destination = yield* Destination
  const stored = Option.getOrUndefined(yield* destination.recover(staging))
  const previous = stored?.manifest
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
  const added = yield* publishGeneration(staging, settings, { ...attempt, reconciled }, stored)
  yield* warn(added.stored.manifest)
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
  if (!Compact.isDue(published.stored.manifest, settings.compactAfter)) return published
  return yield* compactInto(staging, settings, published.stored).pipe(
    Effect.map(({ stored, target }): Published => ({ ...published, target, compacted: stored })),
    Effect.catch(({ message }) =>
      Effect.as(Effect.logWarning(`published, but the files could not be compacted: ${message}`), published)
    )
  )
})

const compactInto = Effect.fnUntraced(function* (
  staging: Staging.Staging,
  retention: Publish.Retention,
  published: StoredManifest
) {
  const stored = yield* Compact.compact(staging, published, retention)
  return { stored, target: yield* targetOf(stored.manifest) }
})

/**
 * Compacts an incremental export: the latest version of each session, in one file per partition.
 *
 * Succeeds with undefined when there is nothing to do. Fails with `AppError` (2, 74, 75).
 */
export const compact = Effect.fn("ExportJob.compact")(
  function* (retention: Publish.Retention) {
    const { begin, name, published: find, recover } = yield* Destination
    const published = yield* find
    if (Option.isNone(published)) {
      return yield* new AppError({
        message: `nothing is published in ${name}; run an export first`,
        exitCode: exitCodes.usage
      })
    }
    if (published.value.manifest.selection.mode !== "incremental") {
      return yield* new AppError({
        message: `${name} is a snapshot and holds each session once already; compact applies to --mode incremental`,
        exitCode: exitCodes.usage
      })
    }
    const staging = yield* begin
    return yield* Effect.gen(function* () {
      const stored = Option.getOrUndefined(yield* recover(staging))
      if (stored === undefined || !Compact.isScattered(stored.manifest)) return undefined
      return yield* compactInto(staging, retention, stored)
    }).pipe(Staging.orSuperseded(staging, name), Effect.ensuring(Effect.ignore(discardEmpty(staging))))
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

/** Removes the staging directory unless a checkpoint in it can be resumed. */
const discardEmpty = Effect.fnUntraced(function* (staging: Staging.Staging) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  for (const directory of [staging.path(), ...staging.previous]) {
    if (yield* fs.exists(path.join(directory, names.checkpoint))) return
  }
  yield* Staging.discard(staging)
})
