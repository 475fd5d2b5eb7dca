/**
 * Writes the stream of pages to growing files, with checkpoints.
 */
import * as SteadyTime from "@hb-sessions/app-kit/SteadyTime"
import type { ColumnsReport } from "@hb-sessions/core/ColumnChooser"
import * as Sessions from "@hb-sessions/core/Sessions"
import type { ScanReport } from "@hb-sessions/core/ScanReport"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import { identity } from "effect/Function"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { makeRows } from "../files/RowEncoder.ts"
import { cleanup, type Staging } from "../publish/Staging.ts"
import type { PartState, Plan, Progress } from "../resume/Checkpoint.ts"
import type { Candidate } from "../resume/Resume.ts"
import type { Settings } from "../settings/Settings.ts"
import { Journal } from "./Journal.ts"
import type { KeyTable } from "./KeyTable.ts"
import { ServerClock } from "./ServerClock.ts"
import { Stopping } from "./Stopping.ts"
import { drop } from "./Superseded.ts"
import * as UndatedSessions from "./UndatedSessions.ts"
import * as UnfinishedFiles from "./UnfinishedFiles.ts"

/** The directory of the copies without superseded rows. */
const NEWEST = "newest"

/** How long a read that is stopped by SIGTERM or SIGINT waits for pages in flight. */
const INTERRUPT_GRACE = Duration.seconds(5)

/** The result of a read, in the staging directory. */
export interface Gathered {
  readonly report: ScanReport
  readonly parts: ReadonlyArray<PartState>
  /** Where the text of a partition is. */
  readonly fileOf: (partition: string) => string
  readonly journal: string
  readonly progress: Progress
  /** Sessions written. */
  readonly written: number
  /** Sessions received since the run began or was resumed. */
  readonly receivedNow: number
  /** The rows that are not sessions, and their file. */
  readonly quarantine: { readonly state: PartState; readonly file: string }
  /** Distinct sessions received in all parts of the run. */
  readonly distinct: number
  /** Whether a partial read left out a session that should have been received, since no `createdAt` places it. */
  readonly hasMissedUndated: boolean
  /** Which columns are empty, and which keys have none. */
  readonly columns: ColumnsReport
}

/** The input of a read. */
export interface Beginning {
  readonly staging: Staging
  readonly settings: Settings
  readonly plan: Plan
  /** The checkpoint to resume from. */
  readonly candidate: Option.Option<Candidate>
  /** The sessions written by previous generations; undefined for a snapshot. */
  readonly index: KeyTable | undefined
}

/**
 * Reads the list into files; a failure leaves a checkpoint. None if the files of the given checkpoint are damaged.
 *
 * The files are closed when it ends, before any is removed: some file systems keep open files.
 */
export const readToFiles = Effect.fn("readToFiles")(function* (begin: Beginning) {
  const { candidate, index, plan, staging } = begin
  const rows = makeRows(plan.selection)
  const files = yield* UnfinishedFiles.make(staging, plan.selection, rows.header)
  const journal = new Journal({ files, rows, plan, index })
  const checkpoint = Effect.suspend(() => files.checkpoint(plan, journal.progress))

  if (Option.isSome(candidate)) {
    if (!(yield* files.adopt(candidate.value))) return Option.none<Gathered>()
    yield* files.checkpoint(plan, candidate.value.checkpoint.progress)
    yield* journal.resume(candidate.value.checkpoint.progress)
  }
  yield* cleanup(staging)
  // An unpartitioned export has its one file even without a session.
  files.begin(plan.selection.partition === "none" && Option.isNone(candidate))

  const report = yield* receive({ begin, files, journal, checkpoint })
  const { parts, quarantine } = yield* files.sync
  const all = { parts, fileOf: files.rows.fileOf, journal: files.journal.file }
  const { distinct, hasMissedUndated, progress, receivedNow, replaced, written } = journal
  const headerBytes = Buffer.byteLength(rows.header)
  const current =
    replaced.size === 0
      ? all
      : yield* drop({ ...all, replaced, places: files.places.file, headerBytes }, staging.path(NEWEST))
  return Option.some<Gathered>({
    ...current,
    report,
    progress,
    written,
    receivedNow,
    quarantine: { state: quarantine, file: files.quarantine.file },
    distinct,
    hasMissedUndated,
    columns: journal.columns?.report ?? { empty: [], leftOut: [] }
  })
}, Effect.scoped)

/** Reads the list to its end. */
const receive = Effect.fnUntraced(function* ({
  begin: { candidate, index, plan, settings },
  checkpoint,
  files,
  journal
}: {
  readonly begin: Beginning
  readonly files: UnfinishedFiles.UnfinishedFiles
  readonly journal: Journal
  readonly checkpoint: ReturnType<UnfinishedFiles.UnfinishedFiles["checkpoint"]>
}) {
  const fs = yield* FileSystem.FileSystem
  const clock = yield* ServerClock
  const stop = yield* Stopping
  const interrupted = yield* Deferred.make<void>()
  const every = Duration.toMillis(settings.checkpointEvery)
  let lastCheckpoint = yield* SteadyTime.now
  let hasRead = Option.isSome(candidate)
  let report = Option.none<ScanReport>()

  const isEveryTimeWanted = plan.since === undefined && plan.until === undefined
  const canMissUndated = index !== undefined && plan.readSince !== undefined && isEveryTimeWanted
  const read = Sessions.scan({
    stopWhen: Effect.raceFirst(stop.when, Deferred.await(interrupted)),
    consistency: "verified",
    ...(settings.concurrency === undefined ? {} : { concurrency: settings.concurrency }),
    ...(plan.pageSize === undefined ? {} : { pageSize: plan.pageSize }),
    ...(plan.readSince === undefined ? {} : { since: { epochMilliseconds: plan.readSince } }),
    ...(hasRead ? { state: fs.stream(files.scan.file) } : {}),
    onReport: (found) =>
      Effect.sync(() => {
        report = Option.some(found)
      })
  }).pipe(canMissUndated ? UndatedSessions.watch((session) => journal.checkUnplaced(session)) : identity)

  // A generator made for each chunk would keep it until the whole heap is collected: V8 has a map of its own for each one.
  const take = Effect.fnUntraced(function* (chunks: ReadonlyArray<Sessions.ScanChunk>) {
    for (const chunk of chunks) {
      yield* journal.take(chunk, plan.started + (yield* clock.ahead))
      hasRead = true
      yield* files.drain
      const time = yield* SteadyTime.now
      if (time - lastCheckpoint < every) continue
      yield* checkpoint
      lastCheckpoint = time
    }
  })
  const reading = yield* Effect.forkScoped(Stream.runForEachArray(read, take))
  yield* Fiber.join(reading).pipe(
    // Pages in flight are kept, so that runs that are stopped again and again cost no more requests.
    Effect.onInterrupt(() =>
      Deferred.succeed(interrupted, undefined).pipe(
        Effect.andThen(Fiber.await(reading)),
        Effect.interruptible,
        Effect.timeoutOption(INTERRUPT_GRACE),
        Effect.andThen(Fiber.interrupt(reading))
      )
    ),
    Effect.onExit((exit) =>
      // After a disk error the files hold less than was counted: the previous checkpoint stays.
      Exit.isSuccess(exit) || !hasRead || Exit.hasDies(exit) || isDiskFailure(exit)
        ? Effect.void
        : Effect.ignore(checkpoint)
    )
  )
  if (hasRead) yield* checkpoint
  if (Option.isNone(report) && stop.error !== undefined) return yield* stop.error
  return yield* Effect.fromOption(report).pipe(Effect.orDie)
})

const isDiskFailure = (exit: Exit.Exit<unknown, unknown>): boolean =>
  Option.exists(
    Exit.findErrorOption(exit),
    (error) => typeof error === "object" && error !== null && "_tag" in error && error._tag === "PlatformError"
  )
