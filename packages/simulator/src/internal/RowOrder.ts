/**
 * The rows of the list in order, with an index by status.
 *
 * A row is a serial number. Each row stands on a slot; new and moved rows take the next free slot at the end, and the
 * slots left behind stay empty until the slots run out and the rows are packed.
 */
import { RankTree } from "./RankTree.ts"

const ABSENT = 255

export class RowOrder {
  private readonly statusCount: number
  private serialAt = new Int32Array(0)
  private slotOf = new Int32Array(0)
  private statusOf = new Uint8Array(0)
  private trees: ReadonlyArray<RankTree> = []
  private nextSlot = 0

  /** Places `serials`, which are the numbers below their count in any order; statuses are numbers below `statusCount`. */
  constructor(serials: Int32Array, statusOf: (serial: number) => number, statusCount: number) {
    this.statusCount = statusCount
    this.reserveSerials(serials.length)
    for (const serial of serials) this.statusOf[serial] = statusOf(serial)
    this.pack(serials)
  }

  /** How many rows have the status; all rows when it is undefined. */
  count(status?: number): number {
    return this.tree(status).count
  }

  /** The row that `rank` rows with the status come before; `rank` must be below `count(status)`. */
  at(rank: number, status?: number): number {
    return this.serialAt[this.tree(status).select(rank)]!
  }

  /** The status of a row; undefined when it is not in the list. */
  status(serial: number): number | undefined {
    const status = this.statusOf[serial]
    return status === ABSENT ? undefined : status
  }

  /** Puts a row that is not in the list at its end. */
  append(serial: number, status: number): void {
    this.reserveSerials(serial + 1)
    if (this.nextSlot === this.serialAt.length) this.pack(this.serials())
    const slot = this.nextSlot++
    this.serialAt[slot] = serial
    this.slotOf[serial] = slot
    this.statusOf[serial] = status
    this.note(slot, status, 1)
  }

  /** Takes a row out of the list. */
  remove(serial: number): void {
    const slot = this.slotOf[serial]!
    this.note(slot, this.statusOf[serial]!, -1)
    this.statusOf[serial] = ABSENT
  }

  /** Gives a row another status, where it stands. */
  setStatus(serial: number, status: number): void {
    const slot = this.slotOf[serial]!
    this.note(slot, this.statusOf[serial]!, -1)
    this.statusOf[serial] = status
    this.note(slot, status, 1)
  }

  /** Moves a row to the end of the list. */
  moveToEnd(serial: number): void {
    const status = this.statusOf[serial]!
    this.remove(serial)
    this.append(serial, status)
  }

  private tree(status: number | undefined): RankTree {
    return this.trees[status ?? this.statusCount]!
  }

  private note(slot: number, status: number, by: 1 | -1): void {
    this.tree(status).add(slot, by)
    this.tree(undefined).add(slot, by)
  }

  private serials(): Int32Array {
    return Int32Array.from({ length: this.count() }, (_, rank) => this.at(rank))
  }

  private pack(serials: Int32Array): void {
    const capacity = serials.length + Math.max(256, serials.length >> 2)
    this.serialAt = new Int32Array(capacity)
    this.serialAt.set(serials)
    this.trees = Array.from({ length: this.statusCount + 1 }, () => new RankTree(capacity))
    for (const [slot, serial] of serials.entries()) {
      this.slotOf[serial] = slot
      this.tree(this.statusOf[serial]!).preset(slot)
      this.tree(undefined).preset(slot)
    }
    for (const tree of this.trees) tree.build()
    this.nextSlot = serials.length
  }

  private reserveSerials(length: number): void {
    if (length <= this.slotOf.length) return
    const capacity = Math.max(256, length + (length >> 1))
    const slotOf = new Int32Array(capacity)
    slotOf.set(this.slotOf)
    const statusOf = new Uint8Array(capacity).fill(ABSENT)
    statusOf.set(this.statusOf)
    this.slotOf = slotOf
    this.statusOf = statusOf
  }
}
