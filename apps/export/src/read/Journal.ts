/**
 * The sessions received by a run: each once in the files, in the state that was read last.
 */
import type { ColumnChooser } from "@hb-sessions/core/ColumnChooser"
import type { Session } from "@hb-sessions/core/Session"
import * as Sessions from "@hb-sessions/core/Sessions"
import * as Effect from "effect/Effect"
import { makePartitionOf, type Rows } from "../files/RowEncoder.ts"
import type { Plan, Progress } from "../resume/Checkpoint.ts"
import * as Columns from "./Columns.ts"
import { eachRecord } from "./IncrementalPlan.ts"
import {
  clearFingerprint,
  forEachRecord,
  hasFingerprint,
  KeyTable,
  makeRecord,
  setFingerprint,
  setKey
} from "./KeyTable.ts"
import { isFinal, nothing, observe } from "./Observation.ts"
import * as Quarantine from "./Quarantine.ts"
import { setPlace } from "./Superseded.ts"
import type { UnfinishedFiles } from "./UnfinishedFiles.ts"

/** What a journal works with. */
export interface Options {
  readonly files: UnfinishedFiles
  readonly rows: Rows
  readonly plan: Plan
  /** What previous generations have written; undefined for a snapshot. */
  readonly index: KeyTable | undefined
}

/** Most times that sessions are looked up in the file before all of them are loaded. */
const MOST_LOOKUPS = 4

/** Writes the sessions of a run to its files. */
export class Journal {
  progress: { -readonly [K in keyof Progress]: Progress[K] } = { ...nothing }
  /** Sessions that have a row. */
  written = 0
  /** Sessions received since the run began or went on. */
  receivedNow = 0
  /** The sessions that were received in more than one state. */
  readonly replaced = new KeyTable()
  /** Whether a partial read left out a session without a usable `createdAt` that is new or may still change. */
  hasMissedUndated = false
  /** Collects the keys of sessions that have no column; undefined when every key is written. */
  readonly columns: ColumnChooser | undefined

  readonly #options: Options
  readonly #partitionOf: (createdAt: number | undefined) => string
  readonly #hasStatus: (session: Session) => boolean
  readonly #isSelected: (session: Session) => boolean
  readonly #record = makeRecord()
  readonly #earlier = makeRecord()
  readonly #unplaced = makeRecord()
  /** The sessions received, each with the state that it was read in last; undefined until it is needed. */
  #seen: KeyTable | undefined
  #lookups = 0

  constructor(options: Options) {
    this.#options = options
    this.columns = Columns.watch(options.plan.selection)
    this.#partitionOf = makePartitionOf(options.plan.selection)
    const { since, until } = options.plan
    const { status } = options.plan.selection
    this.#hasStatus = Sessions.matching({ status })
    this.#isSelected = Sessions.matching({
      status,
      // As numbers, times before 1973 look like seconds.
      ...(since === undefined ? {} : { since: { epochMilliseconds: since } }),
      ...(until === undefined ? {} : { until: { epochMilliseconds: until } })
    })
  }

  /** Distinct sessions received in all parts of the run. */
  get distinct(): number {
    return this.#seen?.size ?? this.receivedNow
  }

  /** Resumes from the files of an interrupted run, which are adopted already. */
  readonly resume = Effect.fnUntraced(function* (this: Journal, progress: Progress) {
    this.progress = { ...progress }
    yield* this.#load()
    for (const chunk of this.#seen?.chunks() ?? []) {
      forEachRecord(chunk, (record) => void (this.written += this.#isRow(record) ? 1 : 0))
    }
  })

  /** Takes what one step of the scan read; `now` is the server's clock, epoch milliseconds. */
  readonly take = Effect.fnUntraced(function* (this: Journal, chunk: Sessions.ScanChunk, now: number) {
    const seen = chunk.repeated.length > 0 ? yield* this.#seenOf(chunk.repeated) : this.#seen
    const { quarantine, scan } = this.#options.files
    // Synchronous, so that no checkpoint is taken in the middle of a chunk.
    for (const row of chunk.unreadableRows) quarantine.addText(Quarantine.lineOf(row), 1)
    // A page may hold a session twice, so what is new in a chunk can be repeated in it.
    for (const session of chunk.sessions) this.#takeNew(session, now, seen)
    if (seen !== undefined) for (const session of chunk.repeated) this.#takeAgain(session, now, seen)
    scan.addBytes(chunk.state, 0)
  })

  /** Notes whether the read loses a session that it leaves out, since no `createdAt` places it in the list. */
  checkUnplaced(session: Session): void {
    const { index, rows } = this.#options
    setKey(this.#unplaced, session.id)
    setFingerprint(this.#unplaced, rows.encode([session]))
    const isNew =
      this.#matches(session, index?.isWritten(this.#unplaced) === true) && index?.hasSame(this.#unplaced) !== true
    this.hasMissedUndated ||= isNew || !isFinal(session)
  }

  /**
   * The states that some sessions were read in last. A read of a quiet list meets a page or two again: they are looked up
   * in the file, so that the sessions of a long list need not be in memory for them.
   */
  readonly #seenOf = Effect.fnUntraced(function* (this: Journal, sessions: ReadonlyArray<Session>) {
    if (this.#seen === undefined && this.#lookups++ === MOST_LOOKUPS) yield* this.#load()
    if (this.#seen !== undefined) return this.#seen
    const { files } = this.#options
    yield* files.sync
    const wanted = new KeyTable()
    for (const { id } of sessions) {
      setKey(this.#earlier, id)
      clearFingerprint(this.#earlier)
      wanted.set(this.#earlier)
    }
    const found = new KeyTable()
    yield* eachRecord(files.journal.file, (record) => void (wanted.has(record) && found.set(record)))
    return found
  })

  readonly #load = Effect.fnUntraced(function* (this: Journal) {
    const { files } = this.#options
    yield* files.sync
    const seen = new KeyTable(this.progress.received)
    yield* eachRecord(files.journal.file, (record) => {
      if (!seen.set(record)) this.replaced.set(record)
    })
    this.#seen = seen
  })

  /** Ignores a session that was received in an earlier part of this run. */
  #takeNew(session: Session, now: number, seen: KeyTable | undefined): void {
    this.receivedNow++
    const row = this.#look(session)
    if (this.#seen?.has(this.#record) === true) return
    seen?.set(this.#record)
    this.#observe(session, now)
    this.#write(session, row)
  }

  /** Replaces the state of a session that was read again. */
  #takeAgain(session: Session, now: number, seen: KeyTable): void {
    const row = this.#look(session)
    // Rows that the read itself left out were not received.
    if (!seen.has(this.#record) || seen.hasSame(this.#record)) return
    this.#earlier.set(this.#record)
    seen.get(this.#earlier)
    if (this.#isRow(this.#earlier)) this.written--
    seen.set(this.#record)
    this.replaced.set(this.#record)
    const { implausible, received } = this.progress
    this.#observe(session, now)
    this.progress = { ...this.progress, implausible, received }
    if (this.#write(session, row)) return
    setPlace(this.#record, "", 0)
    this.#options.files.places.addRecord(this.#record, 0)
  }

  /** Puts the state of a session in the record; returns its row, or undefined if the filter leaves it out. */
  #look(session: Session): string | undefined {
    const { index, rows } = this.#options
    setKey(this.#record, session.id)
    clearFingerprint(this.#record)
    if (!this.#matches(session, index?.isWritten(this.#record) === true)) return undefined
    const row = rows.encode([session])
    this.columns?.look([session])
    setFingerprint(this.#record, row)
    return row
  }

  /** Writes the record, and the row unless a previous generation has it. */
  #write(session: Session, row: string | undefined): boolean {
    const { files } = this.#options
    files.journal.addRecord(this.#record, 1)
    if (row === undefined || !this.#isRow(this.#record)) return false
    const partition = this.#partitionOf(session.createdAt)
    const bytes = files.rows.addText(partition, row, 1)
    setPlace(this.#record, partition, bytes)
    files.places.addRecord(this.#record, 1)
    this.written++
    return true
  }

  #observe(session: Session, now: number): void {
    const { index, plan } = this.#options
    observe(this.progress, session, { plan, now, isWritten: index?.isWritten(this.#record) === true })
  }

  /** Whether the session of a record has a row in this run. */
  #isRow(record: Uint32Array): boolean {
    return hasFingerprint(record) && this.#options.index?.hasSame(record) !== true
  }

  /** A session that was written once still matches when `--since 7d` has moved on. */
  #matches(session: Session, isWritten: boolean): boolean {
    return isWritten ? this.#hasStatus(session) : this.#isSelected(session)
  }
}
