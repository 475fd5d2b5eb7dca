/**
 * What a read means for an incremental export: which sessions are known now, and which of those written have left.
 */
import * as Effect from "effect/Effect"
import { eachRecord } from "./IncrementalPlan.ts"
import type { IndexChanges } from "./IndexChanges.ts"
import { clearFingerprint, forEachRecord, hasFingerprint, KeyTable, setForgotten } from "./KeyTable.ts"

/** Why a session is not part of the data any more. */
export const departures = ["selection", "list"] as const
export type Departure = (typeof departures)[number]

/** What is known after a read. */
export interface Reconciled {
  /** Every session of the list that has been met, and the state that it was written in. */
  readonly index: KeyTable
  /** Those that were written before and have left. */
  readonly left: { readonly [K in Departure]: KeyTable }
  /** Sessions that are part of the data. */
  readonly current: number
  /** Sessions that no run had met before. */
  readonly fresh: number
}

/**
 * Puts the journal of a read and what was known before together.
 *
 * **Details**
 *
 * A session that was received and does not match any more has left the selection. One that was not received has left
 * the list, but only a whole list that is proven can tell: `isWholeList`. Then the index forgets what is not in the
 * list, so that it can be compared with `totalCount` again. `before` is changed.
 */
export const reconcile = Effect.fn("Reconcile.reconcile")(function* (options: {
  readonly before: KeyTable
  readonly journal: string
  readonly isWholeList: boolean
  /** Where the records go that are not what they were before. */
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
