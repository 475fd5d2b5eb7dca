/**
 * Reconciles the index with a read: which sessions are known now, and which of the written ones have left.
 */
import * as Effect from "effect/Effect"
import { eachRecord } from "./IncrementalPlan.ts"
import type { IndexChanges } from "./IndexChanges.ts"
import { clearFingerprint, forEachRecord, hasFingerprint, KeyTable, setForgotten } from "./KeyTable.ts"

/** Why a session left the data. */
export const departures = ["selection", "list"] as const
export type Departure = (typeof departures)[number]

/** The index after a read. */
export interface Reconciled {
  /** Every known session of the list, with the state in which it was written. */
  readonly index: KeyTable
  /** Sessions that were written before and have left. */
  readonly left: { readonly [K in Departure]: KeyTable }
  /** Sessions that are part of the data. */
  readonly current: number
  /** Sessions that no previous run had received. */
  readonly fresh: number
}

/**
 * Applies the journal of a read to the index.
 *
 * **Details**
 *
 * A session that was received and no longer matches the filter has left the selection. One that was not received has
 * left the list, but only if the whole list was read and proven: `isWholeList`. Then the index forgets sessions that are
 * not in the list, so that its size can be compared with `totalCount` again. Modifies `before`.
 */
export const reconcileIndex = Effect.fn("reconcileIndex")(function* (options: {
  readonly before: KeyTable
  readonly journal: string
  readonly isWholeList: boolean
  /** Receives the records that changed. */
  readonly changes: IndexChanges
}) {
  const { before, changes, isWholeList, journal } = options
  const left = { selection: new KeyTable(), list: new KeyTable() }
  const received = isWholeList ? new KeyTable() : undefined
  let fresh = 0
  const meet = (record: Uint32Array) => {
    if (!before.has(record)) fresh++
    if (!hasFingerprint(record) && before.isWritten(record)) left.selection.set(record)
    if (!before.hasSame(record)) changes.add(record)
    before.set(record)
    received?.set(record)
  }
  yield* eachRecord(journal, meet, { afterPiece: changes.drain })
  if (received !== undefined) {
    for (const chunk of before.chunks()) {
      forEachRecord(chunk, (record) => {
        if (received.has(record)) return
        const isWritten = hasFingerprint(record)
        clearFingerprint(record)
        if (isWritten) left.list.set(record)
        setForgotten(record)
        changes.add(record)
      })
      yield* changes.drain
    }
  }
  const index = received ?? before
  let current = 0
  for (const chunk of index.chunks()) {
    forEachRecord(chunk, (record) => {
      if (hasFingerprint(record)) current++
    })
  }
  const reconciled: Reconciled = { index, left, current, fresh }
  return reconciled
})
