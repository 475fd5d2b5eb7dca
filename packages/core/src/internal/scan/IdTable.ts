/**
 * The ids of a read, each with its first and last response: an open-addressing table outside the JavaScript heap.
 *
 * A slot is six 32-bit words: the id (four), the number at which the first response that held the id was complete, and
 * the number at which the last one was asked for. There are 64 segments and each grows by half when it is 85 % full, so
 * a growing table never exists twice: at most 43 bytes an id, and 1/64 more while one segment moves. Where the number of
 * ids is known before, it is 27: slots that are probed lie side by side, so one that is 95 % full in the end is as fast.
 *
 * Only a UUID in its canonical lower-case form fits a slot. Every other id is kept as text in a `Map`, so two ids are
 * never taken for each other.
 */
const SEGMENTS = 64
const WORDS = 6
const FIRST_CAPACITY = 8
const MAX_LOAD = 0.85
const MAX_RESERVED_LOAD = 0.95
const GROWTH = 1.5

/** Room is made at once for no more ids than this: a list can say that it is longer than it is. */
const MOST_RESERVED = 4_000_000

interface Segment {
  slots: Int32Array
  capacity: number
  count: number
  /** The count at which it grows. */
  limit: number
}

/** Ids and, for each, two numbers of the read's clock. */
export class IdTable {
  readonly #segments: ReadonlyArray<Segment> = Array.from({ length: SEGMENTS }, () => ({
    slots: new Int32Array(FIRST_CAPACITY * WORDS),
    capacity: FIRST_CAPACITY,
    count: 0,
    limit: FIRST_CAPACITY * MAX_LOAD
  }))
  readonly #texts = new Map<string, { first: number; last: number }>()
  readonly #words = new Int32Array(4)
  #size = 0

  /** How many ids there are. */
  get size(): number {
    return this.#size
  }

  /** Bytes outside the JavaScript heap. */
  get bytes(): number {
    return this.#segments.reduce((sum, { slots }) => sum + slots.byteLength, 0)
  }

  /**
   * Notes that a response held an id, and tells whether it is the first one that did.
   *
   * `completed` and `asked` are positive numbers of the read's clock.
   */
  record(id: string, completed: number, asked: number): boolean {
    const isNew = readUuid(id, this.#words)
      ? this.#recordUuid(this.#words, completed, asked)
      : this.#recordText(id, completed, asked)
    if (isNew) this.#size++
    return isNew
  }

  /**
   * Makes room for as many ids at once. A table that grows leaves its old segments to the garbage collector, which does
   * not hurry; memory that is reserved is none until it is used.
   */
  reserve(ids: number): void {
    const share = Math.min(ids, MOST_RESERVED) / SEGMENTS
    // Four standard deviations more: hardly a segment gets as many.
    const capacity = Math.ceil((share + 4 * Math.sqrt(share)) / MAX_RESERVED_LOAD) + FIRST_CAPACITY
    for (const segment of this.#segments) {
      if (segment.capacity < capacity) resize(segment, capacity, MAX_RESERVED_LOAD)
    }
  }

  /** At which number of the clock the first response that held an id was complete; 0 when none did. */
  firstOf(id: string): number {
    return readUuid(id, this.#words) ? this.#cellOf(4) : (this.#texts.get(id)?.first ?? 0)
  }

  /** At which number of the clock the last response that held an id was asked for; 0 when none did. */
  lastOf(id: string): number {
    return readUuid(id, this.#words) ? this.#cellOf(5) : (this.#texts.get(id)?.last ?? 0)
  }

  /** A word of the slot of the UUID that was read last. */
  #cellOf(word: 4 | 5): number {
    const [a, b, c, d] = [this.#words[0]!, this.#words[1]!, this.#words[2]!, this.#words[3]!]
    const hash = hashOf(a, b, c, d)
    const segment = this.#segments[hash >>> 26]!
    return segment.slots[find(segment, hash, a, b, c, d) + word]!
  }

  /** Calls back with the two numbers of every id, in no particular order. */
  forEach(callback: (first: number, last: number) => void): void {
    for (const { slots } of this.#segments) {
      for (let at = 0; at < slots.length; at += WORDS) {
        const first = slots[at + 4]!
        if (first !== 0) callback(first, slots[at + 5]!)
      }
    }
    for (const { first, last } of this.#texts.values()) callback(first, last)
  }

  #recordUuid(words: Int32Array, completed: number, asked: number): boolean {
    const hash = hashOf(words[0]!, words[1]!, words[2]!, words[3]!)
    const segment = this.#segments[hash >>> 26]!
    if (segment.count + 1 > segment.limit) resize(segment, Math.ceil(segment.capacity * GROWTH), MAX_LOAD)
    const { slots } = segment
    const at = find(segment, hash, words[0]!, words[1]!, words[2]!, words[3]!)
    if (slots[at + 4] === 0) {
      slots[at] = words[0]!
      slots[at + 1] = words[1]!
      slots[at + 2] = words[2]!
      slots[at + 3] = words[3]!
      slots[at + 4] = completed
      slots[at + 5] = asked
      segment.count++
      return true
    }
    if (completed < slots[at + 4]!) slots[at + 4] = completed
    if (asked > slots[at + 5]!) slots[at + 5] = asked
    return false
  }

  #recordText(id: string, completed: number, asked: number): boolean {
    const known = this.#texts.get(id)
    if (known === undefined) {
      this.#texts.set(id, { first: completed, last: asked })
      return true
    }
    known.first = Math.min(known.first, completed)
    known.last = Math.max(known.last, asked)
    return false
  }
}

/** The slot of an id, or the free one where it belongs. */
const find = (segment: Segment, hash: number, a: number, b: number, c: number, d: number): number => {
  const { capacity, slots } = segment
  // The upper 6 bits chose the segment; the lower 26 choose the slot.
  let index = Math.floor(((hash & 0x3ffffff) * capacity) / 0x4000000)
  for (;;) {
    const at = index * WORDS
    if (slots[at + 4] === 0 || (slots[at] === a && slots[at + 1] === b && slots[at + 2] === c && slots[at + 3] === d)) {
      return at
    }
    index = index + 1 === capacity ? 0 : index + 1
  }
}

const resize = (segment: Segment, capacity: number, load: number): void => {
  const old = segment.slots
  segment.capacity = capacity
  segment.limit = capacity * load
  segment.slots = new Int32Array(segment.capacity * WORDS)
  for (let at = 0; at < old.length; at += WORDS) {
    if (old[at + 4] === 0) continue
    const [a, b, c, d] = [old[at]!, old[at + 1]!, old[at + 2]!, old[at + 3]!]
    segment.slots.set(old.subarray(at, at + WORDS), find(segment, hashOf(a, b, c, d), a, b, c, d))
  }
}

/** Made anew by each process: the ids come from a server, which must not know what their hashes are. */
const seed = Math.floor(Math.random() * 2 ** 32)

/** Ids made by one machine can differ in a few bits only, so every bit counts for every bit of the hash. */
const hashOf = (a: number, b: number, c: number, d: number): number => {
  let hash = Math.imul(seed ^ a, 0x7feb352d)
  hash = Math.imul(hash ^ (hash >>> 15) ^ b, 0x7feb352d)
  hash = Math.imul(hash ^ (hash >>> 15) ^ c, 0x7feb352d)
  hash = Math.imul(hash ^ (hash >>> 15) ^ d, 0x7feb352d)
  hash = Math.imul(hash ^ (hash >>> 15), 0x846ca68b)
  return (hash ^ (hash >>> 16)) >>> 0
}

const NOT_HEX = 16
const MAX_ASCII = 127
const DASH = 45
const hexValues = Uint8Array.from({ length: MAX_ASCII + 1 }, (_, code) => {
  const value = "0123456789abcdef".indexOf(String.fromCharCode(code))
  return value === -1 ? NOT_HEX : value
})

/** Reads the four words of a canonical UUID; false, and `words` as they were, for any other text. */
export const readUuid = (id: string, words: Int32Array): boolean => {
  if (id.length !== 36 || id.charCodeAt(8) !== DASH || id.charCodeAt(13) !== DASH) return false
  if (id.charCodeAt(18) !== DASH || id.charCodeAt(23) !== DASH) return false
  const [a, b, c, d] = [readHex(id, 0), readHex(id, 4), readHex(id, 9), readHex(id, 14)]
  const [e, f, g, h] = [readHex(id, 19), readHex(id, 24), readHex(id, 28), readHex(id, 32)]
  // Of numbers that are not all positive the sign is left.
  if ((a | b | c | d | e | f | g | h) < 0) return false
  words[0] = (a << 16) | b
  words[1] = (c << 16) | d
  words[2] = (e << 16) | f
  words[3] = (g << 16) | h
  return true
}

/** Four hexadecimal digits as a number; -1 where a character is none. Without a loop, it takes two thirds of the time. */
const readHex = (text: string, at: number): number => {
  const [i, j] = [text.charCodeAt(at), text.charCodeAt(at + 1)]
  const [k, l] = [text.charCodeAt(at + 2), text.charCodeAt(at + 3)]
  if ((i | j | k | l) > MAX_ASCII) return -1
  const [w, x, y, z] = [hexValues[i]!, hexValues[j]!, hexValues[k]!, hexValues[l]!]
  return (w | x | y | z) >= NOT_HEX ? -1 : (w << 12) | (x << 8) | (y << 4) | z
}
