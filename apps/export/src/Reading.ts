/**
 * From the stream of pages to growing files, with checkpoints on the way.
 */
import type { Session } from "@hb-sessions/core/Session"
import * as Sessions from "@hb-sessions/core/Sessions"
import type { SweepReport } from "@hb-sessions/core/SweepReport"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import { identity } from "effect/Function"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import * as Stream from "effect/Stream"
import { type Checkpoint, type PartState, type Plan, type Progress, toText } from "./Checkpoint.ts"
import { isNotFound, names, sync, writeFlushed } from "./Directory.ts"
import { eachRecord } from "./Incremental.ts"
import {
  clearFingerprint,
  forEachRecord,
  hasFingerprint,
  KeyTable,
  makeRecord,
  setFingerprint,
  setKey,
  toBytes
} from "./KeyTable.ts"
import { schemaVersion } from "./Manifest.ts"
import { isFinal, nothing, observe } from "./Observation.ts"
import * as PartFiles from "./PartFiles.ts"
import * as Quarantine from "./Quarantine.ts"
import { makePartitionOf, makeRows } from "./Rows.ts"
import type { Candidate } from "./Resume.ts"
import { ServerClock } from "./ServerClock.ts"
import type { Settings } from "./Settings.ts"
import { type Staging, sweep } from "./Staging.ts"
import { Stopping } from "./Stopping.ts"
import { drop, setPlace } from "./Superseded.ts"
import * as Undated from "./Undated.ts"

/** The names of the unfinished files in the staging directory. */
const RAW = "raw"
const JOURNAL = "journal"
const SCAN = "scan"
const PLACES = "places"
const QUARANTINE = "quarantine"
/** Where the files are made anew without the rows that were superseded. */
const NEWEST = "newest"

/** The key that the journal has among the files; no partition is named like this. */
const JOURNAL_KEY = "journal"
const SCAN_KEY = "scan"
const PLACES_KEY = "places"
const QUARANTINE_KEY = "quarantine"

/** How long a read that is told to stop by a signal waits for the pages that it asked for. */
const INTERRUPT_GRACE = Duration.seconds(5)

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
  /** The rows that are no sessions, and where they are. */
  readonly quarantine: { readonly state: PartState; readonly file: string }
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

/**
 * Reads the list into files; an end before time leaves a checkpoint. None when the checkpoint's files are damaged.
 *
 * The files are closed when it ends, before any is removed: some file systems keep what is open.
 */
export const gather = Effect.fn("Reading.gather")(function* (begin: Beginning) {
  const { candidate, index, plan, settings, staging } = begin
  const { selection } = settings
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  for (const name of [RAW, JOURNAL, SCAN, PLACES, QUARANTINE]) {
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

  const places = yield* PartFiles.make({ directory: staging.path(PLACES), header: "", nameOf: () => "rows.bin" })

  const quarantine = yield* PartFiles.make({
    directory: staging.path(QUARANTINE),
    header: "",
    nameOf: () => names.quarantine
  })

  let hasRead = false
  let progress: { -readonly [K in keyof Progress]: Progress[K] } = { ...nothing }
  let written = 0
  let receivedNow = 0
  /** The sessions received, each with the state that it was read in last; undefined until it is needed. */
  let seen: KeyTable | undefined
  /** Those that were received in more than one state. */
  const replaced = new KeyTable()
  const record = makeRecord()
  const clock = yield* ServerClock
  /** The server's clock when the run began. */
  let serverTime = plan.started

  const checkpoint = Effect.fnUntraced(function* () {
    const parts = yield* data.sync
    const [received] = yield* journal.sync
    const [learned] = yield* scan.sync
    const [placed] = yield* places.sync
    const [quarantined] = yield* quarantine.sync
    if (received === undefined || learned === undefined || placed === undefined || quarantined === undefined) return
    const now = yield* Clock.currentTimeMillis
    const files = { scan: learned, parts, journal: received, places: placed, quarantine: quarantined }
    const next: Checkpoint = { schemaVersion, plan, progress, ...files, written: now }
    yield* sync(staging.path(RAW))
    yield* sync(staging.path(JOURNAL))
    yield* sync(staging.path(SCAN))
    yield* sync(staging.path(PLACES))
    yield* sync(staging.path(QUARANTINE))
    yield* writeFlushed(staging.path(`${names.checkpoint}.new`), toText(next))
    yield* fs.rename(staging.path(`${names.checkpoint}.new`), staging.path(names.checkpoint))
    yield* sync(staging.path())
  }, Effect.uninterruptible)

  /** Whether a record is of a session that has a row in this run. */
  const isRow = (entry: Uint32Array) => hasFingerprint(entry) && index?.hasSame(entry) !== true

  const loadSeen = Effect.fnUntraced(function* (expected: number) {
    yield* journal.sync
    const known = new KeyTable(expected)
    yield* eachRecord(journal.fileOf(JOURNAL_KEY), (entry) => {
      if (!known.set(entry)) replaced.set(entry)
    })
    return known
  })

  if (Option.isSome(candidate)) {
    const { checkpoint: found, directory } = candidate.value
    let isWhole = yield* orDamaged(journal.adopt(path.join(directory, JOURNAL, "received.bin"), found.journal))
    isWhole &&= yield* orDamaged(scan.adopt(path.join(directory, SCAN, "learned.bin"), found.scan))
    isWhole &&= yield* orDamaged(places.adopt(path.join(directory, PLACES, "rows.bin"), found.places))
    isWhole &&= yield* orDamaged(quarantine.adopt(path.join(directory, QUARANTINE, names.quarantine), found.quarantine))
    for (const part of found.parts) {
      isWhole &&= yield* orDamaged(data.adopt(path.join(directory, RAW, rawName(part.partition)), part))
    }
    if (!isWhole) return Option.none<Gathered>()
    hasRead = true
    progress = { ...found.progress }
    yield* checkpoint()
    seen = yield* loadSeen(found.progress.received)
    for (const chunk of seen.chunks()) forEachRecord(chunk, (entry) => void (written += isRow(entry) ? 1 : 0))
  }
  yield* sweep(staging)

  const canBeUndated = plan.since === undefined && plan.until === undefined
  /** What has been written once stays wanted when `--since 7d` has moved on. */
  const matches = (session: Session, isWritten: boolean) =>
    (selection.status.length === 0 || (session.status !== undefined && selection.status.includes(session.status))) &&
    (isWritten || plan.since === undefined || (session.createdAt !== undefined && session.createdAt >= plan.since)) &&
    (isWritten || plan.until === undefined || (session.createdAt !== undefined && session.createdAt < plan.until))

  const observed = (session: Session) =>
    observe(progress, session, { plan, now: serverTime, isWritten: index?.isWritten(record) === true })

  /** Puts the state of a session in the record; its row, or none when it is not part of the data. */
  const look = (session: Session): string | undefined => {
    setKey(record, session.id)
    clearFingerprint(record)
    if (!matches(session, index?.isWritten(record) === true)) return undefined
    const row = rows.encode([session])
    setFingerprint(record, row)
    return row
  }

  /** Writes the state in the record, and the row, unless a generation before has it. */
  const write = (session: Session, row: string | undefined) => {
    journal.addBytes(JOURNAL_KEY, toBytes(record, record.length), 1)
    if (row === undefined || !isRow(record)) return false
    const partition = partitionOf(session.createdAt)
    data.addText(partition, row, 1)
    setPlace(record, partition, Buffer.byteLength(row))
    places.addBytes(PLACES_KEY, toBytes(record, record.length), 1)
    written++
    return true
  }

  /** Takes a session that was not received before; one that was, in a former part of this run, changes nothing. */
  const takeNew = (session: Session) => {
    receivedNow++
    const row = look(session)
    if (seen?.has(record) === true) return
    seen?.set(record)
    observed(session)
    write(session, row)
  }

  const earlier = makeRecord()
  /** Takes a session that was read again: its newer state replaces the one before. */
  const takeAgain = (session: Session) => {
    const row = look(session)
    // Rows that were left out by the read itself were not received.
    if (seen?.has(record) !== true || seen.hasSame(record)) return
    earlier.set(record)
    seen.get(earlier)
    if (isRow(earlier)) written--
    seen.set(record)
    replaced.set(record)
    const { implausible, received } = progress
    observed(session)
    progress = { ...progress, implausible, received }
    if (write(session, row)) return
    setPlace(record, "", 0)
    places.addBytes(PLACES_KEY, toBytes(record, record.length), 0)
  }

  /** Takes the sessions of one page; what it changes, it changes at once. */
  const take = ({ repeated, sessions, unreadableRows }: Sessions.ScanChunk) => {
    for (const row of unreadableRows) quarantine.addText(QUARANTINE_KEY, Quarantine.lineOf(row), 1)
    for (const session of sessions) takeNew(session)
    for (const session of repeated) takeAgain(session)
  }

  // An undivided export has its one file, even without a session.
  if (selection.partition === "none" && Option.isNone(candidate)) data.addText("", "", 0)
  journal.addBytes(JOURNAL_KEY, new Uint8Array(0), 0)
  scan.addBytes(SCAN_KEY, new Uint8Array(0), 0)
  places.addBytes(PLACES_KEY, new Uint8Array(0), 0)
  quarantine.addBytes(QUARANTINE_KEY, new Uint8Array(0), 0)

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
  const interrupted = yield* Deferred.make<void>()
  const read = Sessions.scan({
    stopWhen: Effect.raceFirst(stop.when, Deferred.await(interrupted)),
    consistency: "verified",
    ...(settings.concurrency === undefined ? {} : { concurrency: settings.concurrency }),
    ...(plan.pageSize === undefined ? {} : { pageSize: plan.pageSize }),
    ...(plan.readSince === undefined ? {} : { since: { epochMilliseconds: plan.readSince } }),
    ...(hasRead ? { state: fs.stream(scan.fileOf(SCAN_KEY)) } : {}),
    onReport: (found) =>
      Effect.sync(() => {
        report = Option.some(found)
      })
  }).pipe(isLooking ? Undated.watch(lookAtUndated) : identity)
  const reading = yield* Stream.runForEachArray(read, (chunks) =>
    Effect.gen(function* () {
      for (const chunk of chunks) {
        serverTime = plan.started + (yield* clock.ahead)
        if (chunk.repeated.length > 0) seen ??= yield* loadSeen(progress.received)
        take(chunk)
        scan.addBytes(SCAN_KEY, chunk.state, 0)
        hasRead = true
        yield* data.drain
        yield* journal.drain
        yield* places.drain
        yield* quarantine.drain
        yield* scan.drain
        const time = yield* Clock.currentTimeMillis
        if (time - lastCheckpoint < every) continue
        yield* checkpoint()
        lastCheckpoint = time
      }
    })
  ).pipe(Effect.forkScoped)
  yield* Fiber.join(reading).pipe(
    // What was asked for is kept, so that runs that are told to stop again and again cost no more requests.
    Effect.onInterrupt(() =>
      Deferred.succeed(interrupted, undefined).pipe(
        Effect.andThen(Fiber.await(reading)),
        Effect.interruptible,
        Effect.timeoutOption(INTERRUPT_GRACE),
        Effect.andThen(Fiber.interrupt(reading))
      )
    ),
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
  yield* places.sync
  const [quarantined] = yield* quarantine.sync
  const all = { parts, fileOf: data.fileOf, journal: journal.fileOf(JOURNAL_KEY) }
  const headerBytes = Buffer.byteLength(rows.header)
  const gathered = { ...all, replaced, places: places.fileOf(PLACES_KEY), headerBytes }
  return Option.some<Gathered>({
    report: yield* Effect.fromOption(report).pipe(Effect.orDie),
    ...(replaced.size === 0 ? all : yield* drop(gathered, staging.path(NEWEST))),
    progress,
    written,
    receivedNow,
    quarantine: {
      state: quarantined ?? { partition: QUARANTINE_KEY, rows: 0, bytes: 0, sha256: "" },
      file: quarantine.fileOf(QUARANTINE_KEY)
    },
    distinct: seen?.size ?? receivedNow,
    hasMissedUndated
  })
}, Effect.scoped)

const isDiskFailure = (exit: Exit.Exit<unknown, unknown>): boolean =>
  Option.exists(
    Exit.findErrorOption(exit),
    (error) => typeof error === "object" && error !== null && "_tag" in error && error._tag === "PlatformError"
  )
