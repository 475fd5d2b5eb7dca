/**
 * Counts over positions that answer "which is the k-th counted position" in logarithmic time (a Fenwick tree).
 */
export class RankTree {
  private readonly sums: Int32Array
  private readonly capacity: number
  private readonly topBit: number
  private size = 0

  /** Makes an empty tree for positions 0 to `capacity - 1`. */
  constructor(capacity: number) {
    this.capacity = capacity
    this.sums = new Int32Array(capacity + 1)
    this.topBit = capacity === 0 ? 0 : 2 ** (31 - Math.clz32(capacity))
  }

  /** How many positions are counted. */
  get count(): number {
    return this.size
  }

  /** Counts a position before `build`; the tree cannot be asked until then. */
  preset(position: number): void {
    this.sums[position + 1] = 1
    this.size += 1
  }

  /** Sums up what `preset` has counted, in linear time. */
  build(): void {
    const { sums, capacity } = this
    for (let i = 1; i <= capacity; i++) {
      const parent = i + (i & -i)
      if (parent <= capacity) sums[parent] = sums[parent]! + sums[i]!
    }
  }

  /** Counts the position (+1) or no longer (-1). */
  add(position: number, by: 1 | -1): void {
    this.size += by
    for (let i = position + 1; i <= this.capacity; i += i & -i) this.sums[i] = this.sums[i]! + by
  }

  /** The counted position with exactly `rank` counted positions before it; `rank` must be below `count`. */
  select(rank: number): number {
    let position = 0
    let left = rank
    for (let step = this.topBit; step > 0; step >>= 1) {
      const next = position + step
      if (next <= this.capacity && this.sums[next]! <= left) {
        position = next
        left -= this.sums[next]!
      }
    }
    return position
  }
}
