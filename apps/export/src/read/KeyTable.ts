/**
 * A set of sessions with a fingerprint each, in about 50 bytes a session outside the JavaScript heap.
 */
import { hash, randomInt } from "node:crypto"

/** Bytes of one entry as it is stored: 16 of key, 8 of fingerprint. */
export const RECORD_BYTES = 24

const WORDS = RECORD_BYTES / 4
const NIL = "00000000-0000-0000-0000-000000000000"

/** An entry, to be reused. */
export const makeRecord = (): Uint32Array => new Uint32Array(WORDS)

/** Writes the key of an id into a record: the UUID itself, or a digest of any other text. */
export const setKey = (record: Uint32Array, id: string): void => {
  // A key of zeros marks a free place, so the nil UUID has a digest for its key.
  if (id !== NIL && setUuid(record, id)) return
  const digest = hash("sha256", id, "binary")
  for (let word = 0; word < 4; word++) record[word] = wordOf(digest, word)
}

/** Writes a fingerprint of a text into a record; it is never 0. */
export const setFingerprint = (record: Uint32Array, text: string): void => {
  const digest = hash("sha256", text, "binary")
  record[4] = wordOf(digest, 0)
  record[5] = wordOf(digest, 1) | 1
}

/** Four bytes of a digest, of which each character is one, as the big-endian number that they are. */
const wordOf = (digest: string, word: number): number => {
  const at = word * 4
  return (
    (digest.charCodeAt(at) << 24) |
    (digest.charCodeAt(at + 1) << 16) |
    (digest.charCodeAt(at + 2) << 8) |
    digest.charCodeAt(at + 3)
  )
}

const NOT_HEX = 16
const hexValues = Uint8Array.from({ length: 128 }, (_, code) => {
  const value = "0123456789abcdef".indexOf(String.fromCharCode(code))
  return value === -1 ? NOT_HEX : value
})

/** Writes the words of a canonical UUID; false for any other text. A regular expression takes four times as long. */
const setUuid = (record: Uint32Array, id: string): boolean => {
  if (id.length !== 36) return false
  let digits = 0
  let word = 0
  for (let at = 0; at < 36; at++) {
    const code = id.charCodeAt(at)
    if (at === 8 || at === 13 || at === 18 || at === 23) {
      if (code !== 45) return false
      continue
    }
    const value = code < 128 ? hexValues[code]! : NOT_HEX
    if (value === NOT_HEX) return false
    word = (word << 4) | value
    digits++
    if ((digits & 7) === 0) record[(digits >>> 3) - 1] = word
  }
  return true
}

/** Writes two numbers in the place of the fingerprint; the second one must be odd. */
export const setNumbers = (record: Uint32Array, first: number, second: number): void => {
  record[4] = first
  record[5] = second
}

/** Removes the fingerprint from a record. */
export const clearFingerprint = (record: Uint32Array): void => {
  record[4] = 0
  record[5] = 0
}

/** Whether a record has a fingerprint. */
export const hasFingerprint = (record: Uint32Array): boolean => record[5] !== 0

/** Replaces the fingerprint in a record that removes its key from the table; fingerprints are odd. */
const FORGOTTEN = 2

/** Makes a record remove its key from a table. */
export const setForgotten = (record: Uint32Array): void => {
  record[4] = 0
  record[5] = FORGOTTEN
}

/** Marks a key that `take` has returned. */
const TAKEN = 1

/** A hash table of records. */
export class KeyTable {
  #words: Uint32Array
  #mask: number
  #size = 0
  /** Slots that are not free: removed keys keep theirs. */
  #used = 0

  constructor(expected = 512) {
    const capacity = 2 ** Math.ceil(Math.log2(Math.max(1024, expected * 1.5)))
    this.#words = new Uint32Array(capacity * WORDS)
    this.#mask = capacity - 1
  }

  /** How many keys are in the table. */
  get size(): number {
    return this.#size
  }

  /** Whether the key of the record is in the table. */
  has(record: Uint32Array): boolean {
    return this.#isPresent(this.#place(record))
  }

  /** Whether the key is in the table with the same fingerprint. */
  hasSame(record: Uint32Array): boolean {
    const at = this.#place(record)
    return !this.#isFree(at) && this.#words[at + 4] === record[4] && this.#words[at + 5] === record[5]
  }

  /** Fills the record with the fingerprint that its key has in the table; false when the key is not there. */
  get(record: Uint32Array): boolean {
    const at = this.#place(record)
    if (!this.#isPresent(at)) return false
    record[4] = this.#words[at + 4]!
    record[5] = this.#words[at + 5]!
    return true
  }

  /** Whether the key of the record is in the table with a fingerprint, that is, as one that was written. */
  isWritten(record: Uint32Array): boolean {
    const at = this.#place(record)
    return this.#isPresent(at) && this.#words[at + 5] !== 0
  }

  /** Whether the key of the record is in the table and has not been taken before. */
  take(record: Uint32Array): boolean {
    const at = this.#place(record)
    if (!this.#isPresent(at) || this.#words[at + 4] === TAKEN) return false
    this.#words[at + 4] = TAKEN
    return true
  }

  /** Sets the record of its key, or removes the key if the record is a forgotten one; returns whether the key is new. */
  set(record: Uint32Array): boolean {
    if ((this.#used + 1) * 4 > (this.#mask + 1) * 3) this.#grow()
    const at = this.#place(record)
    const isNew = !this.#isPresent(at)
    if (this.#isFree(at)) this.#used++
    if (!isNew) this.#size--
    this.#words.set(record, at)
    if (this.#isPresent(at)) this.#size++
    return isNew
  }

  /** The records, in pieces of bytes and in no order. */
  *chunks(records = 4096): Generator<Uint8Array> {
    let piece = new Uint32Array(records * WORDS)
    let filled = 0
    for (let at = 0; at < this.#words.length; at += WORDS) {
      if (!this.#isPresent(at)) continue
      piece.set(this.#words.subarray(at, at + WORDS), filled)
      filled += WORDS
      if (filled === piece.length) {
        yield toBytes(piece, filled)
        piece = new Uint32Array(records * WORDS)
        filled = 0
      }
    }
    if (filled > 0) yield toBytes(piece, filled)
  }

  #isFree(at: number): boolean {
    const words = this.#words
    return words[at] === 0 && words[at + 1] === 0 && words[at + 2] === 0 && words[at + 3] === 0
  }

  /** Whether a slot holds a key that was not removed. */
  #isPresent(at: number): boolean {
    return !this.#isFree(at) && this.#words[at + 5] !== FORGOTTEN
  }

  /** Where the key is, or would be. */
  #place(record: Uint32Array): number {
    const words = this.#words
    let slot = hashOf(record) & this.#mask
    for (;;) {
      const at = slot * WORDS
      if (this.#isFree(at)) return at
      if (
        words[at] === record[0] &&
        words[at + 1] === record[1] &&
        words[at + 2] === record[2] &&
        words[at + 3] === record[3]
      )
        return at
      slot = (slot + 1) & this.#mask
    }
  }

  #grow(): void {
    const words = this.#words
    this.#words = new Uint32Array(words.length * 2)
    this.#mask = this.#words.length / WORDS - 1
    this.#used = this.#size
    for (let at = 0; at < words.length; at += WORDS) {
      const record = words.subarray(at, at + WORDS)
      const isFree = record[0] === 0 && record[1] === 0 && record[2] === 0 && record[3] === 0
      if (!isFree && record[5] !== FORGOTTEN) this.#words.set(record, this.#place(record))
    }
  }
}

/** Made anew by each process: the keys come from a server, which must not know what their hashes are. */
const seed = randomInt(2 ** 32)

/** Keys made by one machine can differ in a few bits only, so every bit counts. */
const hashOf = (record: Uint32Array): number => {
  let mixed = seed
  for (let word = 0; word < 4; word++) {
    mixed = Math.imul(mixed ^ record[word]!, 0x7feb352d)
    mixed ^= mixed >>> 15
  }
  mixed = Math.imul(mixed, 0x846ca68b)
  return mixed ^ (mixed >>> 16)
}

/** The stored form of the first words of an array: little-endian, whatever the machine. */
const toBytes = (words: Uint32Array, count: number): Uint8Array => {
  const bytes = new Uint8Array(count * 4)
  const view = new DataView(bytes.buffer)
  for (let word = 0; word < count; word++) view.setUint32(word * 4, words[word]!, true)
  return bytes
}

/** Calls a function with each record of stored bytes; the record object is reused. */
export const forEachRecord = (bytes: Uint8Array, visit: (record: Uint32Array) => void): void => {
  const record = makeRecord()
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 0; at + RECORD_BYTES <= bytes.byteLength; at += RECORD_BYTES) {
    for (let word = 0; word < WORDS; word++) record[word] = view.getUint32(at + word * 4, true)
    visit(record)
  }
}
