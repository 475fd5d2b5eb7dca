/**
 * From the stream of pages to growing files, with checkpoints on the way.
 */
import type { Session } from "@hb-sessions/core/Session"
import * as Sessions from "@hb-sessions/core/Sessions"
import type { SweepReport } from "@hb-sessions/core/SweepReport"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import { identity } from "effect/Function"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import * as Stream from "effect/Stream"
import { type Checkpoint, type PartState, type Plan, type Progress, toText } from "./Checkpoint.ts"
import { isNotFound, names, sync, writeFlushed } from "./Directory.ts"
import { eachRecord } from "./Incremental.ts"
import { clearFingerprint, KeyTable, makeRecord, setFingerprint, setKey, toBytes } from "./KeyTable.ts"
import { schemaVersion } from "./Manifest.ts"
import { isFinal, nothing, observe } from "./Observation.ts"
import * as PartFiles from "./PartFiles.ts"
import { makePartitionOf, makeRows } from "./Rows.ts"
import type { Candidate } from "./Resume.ts"
import { ServerClock } from "./ServerClock.ts"
import type { Settings } from "./Settings.ts"
import { type Staging, sweep } from "./Staging.ts"
import { Stopping } from "./Stopping.ts"
import * as Undated from "./Undated.ts"

/** The names of the unfinished files in the staging directory. */
const RAW = "raw"
const JOURNAL = "journal"
const SCAN = "scan"

/** The key that the journal has among the files; no partition is named like this. */
const JOURNAL_KEY = "journal"
const SCAN_KEY = "scan"

/** A file that is not there is not what it should be. */
const orDamaged = (adopted: Effect.Effect<boolean, PlatformError>) =>
  Effect.catchIf(adopted, isNotFound, () => Effect.succeed(false))

/** What a read has left in the staging directory. */
export interface Gathered {
  readonly report: SweepReport
  readonly parts: ReadonlyArray<PartState>
  /** Where the text of a partition is. */
  readonly fileOf: (partition: string) => string
  readonly journal: string
  readonly progress: Progress
  /** Sessions that were written. */
  readonly written: number
  /** Sessions received in this read, that is, since the last resume. */
  readonly receivedNow: number
  /** Different sessions received in all reads together. */
  readonly distinct: number
  /** Whether a read back to a time met a session that should have been received, but that no time places. */
  readonly hasMissedUndated: boolean
}

/** What a read goes on with. */
export interface Beginning {
  readonly staging: Staging
  readonly settings: Settings
  readonly plan: Plan
  readonly candidate: Option.Option<Candidate>
  /** What has been written by former generations; undefined for a snapshot. */
  readonly index: KeyTable | undefined
}

/** Reads the list into files; an end before time leaves a checkpoint. None when the checkpoint's files are damaged. */
export const gather = Effect.fn("Reading.gather")(function* (begin: Beginning) {
  const { candidate, index, plan, settings, staging } = begin
  const { selection } = settings
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  for (const name of [RAW, JOURNAL, SCAN]) {
    yield* fs.remove(staging.path(name), { recursive: true, force: true })
    yield* fs.makeDirectory(staging.path(name))
  }

  const rows = makeRows(selection)
  const partitionOf = makePartitionOf(selection)
  const rawName = (partition: string) => `sessions${partition === "" ? "" : `-${partition}`}.${selection.format}`
  const data = yield* PartFiles.make({ directory: staging.path(RAW), header: rows.header, nameOf: rawName })
  const journal = yield* PartFiles.make({ directory: staging.path(JOURNAL), header: "", nameOf: () => "received.bin" })
  // Appended to, so that what a checkpoint costs does not grow with the list.
  const scan = yield* PartFiles.make({ directory: staging.path(SCAN), header: "", nameOf: () => "learned.bin" })

  let hasRead = false
  let progress: { -readonly [K in keyof Progress]: Progress[K] } = { ...nothing }
  let written = 0
  let receivedNow = 0
  let seen: KeyTable | undefined
  const record = makeRecord()
  const clock = yield* ServerClock
  /** The server's clock when the run began. */
  let serverTime = plan.started

  const checkpoint = Effect.fnUntraced(function* () {
    const parts = yield* data.sync
    const [received] = yield* journal.sync
    const [learned] = yield* scan.sync
    if (received === undefined || learned === undefined) return
    const now = yield* Clock.currentTimeMillis
    const next: Checkpoint = { schemaVersion, plan, progress, scan: learned, parts, journal: received, written: now }
    yield* sync(staging.path(RAW))
    yield* sync(staging.path(JOURNAL))
    yield* sync(staging.path(SCAN))
    yield* writeFlushed(staging.path(`${names.checkpoint}.new`), toText(next))
    yield* fs.rename(staging.path(`${names.checkpoint}.new`), staging.path(names.checkpoint))
    yield* sync(staging.path())
  }, Effect.uninterruptible)

  if (Option.isSome(candidate)) {
    const { checkpoint: found, directory } = candidate.value
    let isWhole = yield* orDamaged(journal.adopt(path.join(directory, JOURNAL, "received.bin"), found.journal))
    isWhole &&= yield* orDamaged(scan.adopt(path.join(directory, SCAN, "learned.bin"), found.scan))
    for (const part of found.parts) {
      isWhole &&= yield* orDamaged(data.adopt(path.join(directory, RAW, rawName(part.partition)), part))
    }
    if (!isWhole) return Option.none<Gathered>()
    hasRead = true
    progress = { ...found.progress }
    written = found.parts.reduce((sum, part) => sum + part.rows, 0)
    const known = new KeyTable(found.progress.received)
    yield* checkpoint()
    yield* eachRecord(journal.fileOf(JOURNAL_KEY), (entry) => void known.set(entry))
    seen = known
  }
  yield* sweep(staging)

  const canBeUndated = plan.since === undefined && plan.until === undefined
  /** What has been written once stays wanted when `--since 7d` has moved on. */
  const matches = (session: Session, isWritten: boolean) =>
    (selection.status.length === 0 || (session.status !== undefined && selection.status.includes(session.status))) &&
    (isWritten || plan.since === undefined || (session.createdAt !== undefined && session.createdAt >= plan.since)) &&
    (isWritten || plan.until === undefined || (session.createdAt !== undefined && session.createdAt < plan.until))

  /** Notes a session; false when a former part of this run has received it already. */
  const note = (session: Session): boolean => {
    setKey(record, session.id)
    clearFingerprint(record)
    receivedNow++
    if (seen !== undefined && !seen.set(record)) return false
    observe(progress, session, { plan, now: serverTime, isWritten: index?.isWritten(record) === true })
    return true
  }

  /** Takes the sessions of one page; what it changes, it changes at once. */
  const take = (sessions: ReadonlyArray<Session>) => {
    const groups = new Map<string, Array<Session>>()
    for (const session of sessions) {
      if (!note(session)) continue
      let isWritten = matches(session, index?.isWritten(record) === true)
      if (isWritten && index !== undefined) {
        setFingerprint(record, rows.encode([session]))
        isWritten = !index.hasSame(record)
      }
      journal.addBytes(JOURNAL_KEY, toBytes(record, record.length), 1)
      if (!isWritten) continue
      const partition = partitionOf(session.createdAt)
      const group = groups.get(partition)
      if (group === undefined) groups.set(partition, [session])
      else group.push(session)
    }
    for (const [partition, group] of groups) {
      data.addText(partition, rows.encode(group), group.length)
      written += group.length
    }
  }

  // An undivided export has its one file, even without a session.
  if (selection.partition === "none" && Option.isNone(candidate)) data.addText("", "", 0)
  journal.addBytes(JOURNAL_KEY, new Uint8Array(0), 0)
  scan.addBytes(SCAN_KEY, new Uint8Array(0), 0)

  const every = Duration.toMillis(settings.checkpointEvery)
  let lastCheckpoint = yield* Clock.currentTimeMillis
  let report = Option.none<SweepReport>()
  let hasMissedUndated = false
  const undatedRecord = makeRecord()
  /** What a read back to a time leaves out, as if nobody had seen it. */
  const lookAtUndated = (session: Session) => {
    setKey(undatedRecord, session.id)
    setFingerprint(undatedRecord, rows.encode([session]))
    const isNew = matches(session, index?.isWritten(undatedRecord) === true) && index?.hasSame(undatedRecord) !== true
    hasMissedUndated ||= isNew || !isFinal(session)
  }
  const isLooking = index !== undefined && plan.readSince !== undefined && canBeUndated
  const stop = yield* Stopping
  const read = Sessions.scan({
    stopWhen: stop.when,
    consistency: "verified",
    ...(settings.concurrency === undefined ? {} : { concurrency: settings.concurrency }),
    ...(plan.pageSize === undefined ? {} : { pageSize: plan.pageSize }),
    ...(plan.readSince === undefined ? {} : { since: plan.readSince }),
    ...(hasRead ? { state: fs.stream(scan.fileOf(SCAN_KEY)) } : {}),
    onReport: (found) =>
      Effect.sync(() => {
        report = Option.some(found)
      })
  }).pipe(isLooking ? Undated.watch(lookAtUndated) : identity)
  yield* Stream.runForEachArray(read, (chunks) =>
    Effect.gen(function* () {
      for (const chunk of chunks) {
        serverTime = plan.started + (yield* clock.ahead)
        take(chunk.sessions)
        scan.addBytes(SCAN_KEY, chunk.state, 0)
        hasRead = true
        yield* data.drain
        yield* journal.drain
        yield* scan.drain
        const time = yield* Clock.currentTimeMillis
        if (time - lastCheckpoint < every) continue
        yield* checkpoint()
        lastCheckpoint = time
      }
    })
  ).pipe(
    Effect.onExit((exit) =>
      // A disk that failed holds less than is counted: then the checkpoint before stands.
      Exit.isSuccess(exit) || !hasRead || Exit.hasDies(exit) || isDiskFailure(exit)
        ? Effect.void
        : Effect.ignore(checkpoint())
    )
  )
  if (hasRead) yield* checkpoint()
  if (Option.isNone(report) && stop.error !== undefined) return yield* stop.error
  const parts = yield* data.sync
  yield* journal.sync
  return Option.some<Gathered>({
    report: yield* Effect.fromOption(report).pipe(Effect.orDie),
    parts,
    fileOf: data.fileOf,
    journal: journal.fileOf(JOURNAL_KEY),
    progress,
    written,
    receivedNow,
    distinct: seen?.size ?? receivedNow,
    hasMissedUndated
  })
})

const isDiskFailure = (exit: Exit.Exit<unknown, unknown>): boolean =>
  Option.exists(
    Exit.findErrorOption(exit),
    (error) => typeof error === "object" && error !== null && "_tag" in error && error._tag === "PlatformError"
  )
