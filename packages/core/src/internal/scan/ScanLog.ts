/**
 * What a scan learns, as bytes to keep: its events in their order, which `restore` plays again.
 *
 * ```text
 * "hbscan1\n", then frames: length of the payload (u32), checksum (u32), payload
 * payload: records, each a tag (u8) and its fields (u32, little-endian, unless told otherwise)
 *   1 query     digest of the query (16 bytes)
 *   2 pass      from, is listing (u8)
 *   3 response  page, asked, completed, total, page size, known, floor, rows; none is 0xffffffff
 *   4 rows      of which response, in a pass (u8), kind of the ids (u8), count, then for each row:
 *               createdAt (f64, NaN for none), id (16 bytes of a UUID; or length and UTF-8)
 *   5 absent    page, asked, completed, in a pass (u8): a page that is not there
 *   6 resized   page size
 *   7 end       the pass has ended
 *   8 restored  a scan went on from here
 *   9 unread    rows without a usable id, whether some are alike (u8); when they changed
 * ```
 *
 * A frame is what one step learned. A response is a record when it is complete, its rows when they are taken: so the
 * record of a request in flight is missing, and of a response that waited for its turn the rows are.
 */
import type { Session } from "../../Session.ts"
import { Digest } from "./Digest.ts"
import { readUuid } from "./IdTable.ts"
import type { Answer } from "./Answer.ts"

/** The beginning of a kept scan; the digit is its version. */
export const MAGIC = new TextEncoder().encode("hbscan1\n")

/** Stands for a number that there is none of. */
export const NONE = 0xffffffff

export const FRAME_HEAD = 8
export const tags = {
  query: 1,
  pass: 2,
  response: 3,
  rows: 4,
  absent: 5,
  resized: 6,
  end: 7,
  restored: 8,
  unreadable: 9
} as const
export const ids = { uuid: 0, text: 1 } as const

/** The digest of a query's canonical text, in 32 hexadecimal digits. */
export const digestOfQuery = (text: string): string => {
  const digest = new Digest()
  digest.add(text)
  return digest.toString()
}

/** A checksum of some bytes (FNV-1a): it guards against torn and damaged files. */
export const checksumOf = (bytes: Uint8Array): number => {
  let sum = 0x811c9dc5
  for (let at = 0; at < bytes.length; at++) sum = Math.imul(sum ^ bytes[at]!, 0x01000193)
  return sum >>> 0
}

/** Collects records until they are asked for. */
export class ScanLog {
  #bytes = new Uint8Array(4096)
  #view = new DataView(this.#bytes.buffer)
  #length = FRAME_HEAD
  #isBegun: boolean
  #unreadable = 0
  /** Whether there are frames before its own. */
  readonly isContinued: boolean
  readonly #words = new Int32Array(4)
  readonly #encoder = new TextEncoder()

  /** A log is continued when there are frames before what is noted now. */
  constructor(options: { readonly query: string; readonly isContinued: boolean }) {
    this.#isBegun = options.isContinued
    this.isContinued = options.isContinued
    if (options.isContinued) {
      this.#byte(tags.restored)
      return
    }
    this.#byte(tags.query)
    const digest = digestOfQuery(options.query)
    for (let at = 0; at < 32; at += 2) this.#byte(Number.parseInt(digest.slice(at, at + 2), 16))
  }

  pass(from: number, isListing: boolean): void {
    this.#byte(tags.pass)
    this.#numbers(from)
    this.#byte(isListing ? 1 : 0)
  }

  response({ asked, completed, known, page, pageSize, sessions, total }: Answer, floor: number): void {
    this.#byte(tags.response)
    this.#numbers(page, asked, completed, total ?? NONE, pageSize ?? NONE, known, floor, sessions.length)
  }

  rows({ asked, completed, index, page, sessions }: Answer, inPass: boolean): void {
    if (index === undefined) {
      this.#byte(tags.absent)
      this.#numbers(page, asked, completed)
      this.#byte(inPass ? 1 : 0)
      return
    }
    const isUuids = sessions.every(({ id }) => readUuid(id, this.#words))
    this.#byte(tags.rows)
    this.#numbers(index)
    this.#byte(inPass ? 1 : 0)
    this.#byte(isUuids ? ids.uuid : ids.text)
    this.#numbers(sessions.length)
    for (const session of sessions) this.#row(session, isUuids)
  }

  /** Notes how many rows have no usable id, when that changed. */
  unreadable(count: number, hasAlike: boolean): void {
    const said = hasAlike ? -1 - count : count
    if (said === this.#unreadable) return
    this.#unreadable = said
    this.#byte(tags.unreadable)
    this.#numbers(count)
    this.#byte(hasAlike ? 1 : 0)
  }

  resized(pageSize: number): void {
    this.#byte(tags.resized)
    this.#numbers(pageSize)
  }

  end(): void {
    this.#byte(tags.end)
  }

  /** The frame of all records since the last time; what precedes the first one is part of it. */
  flush(): Uint8Array {
    if (this.#length === FRAME_HEAD) return new Uint8Array(0)
    this.#view.setUint32(0, this.#length - FRAME_HEAD, true)
    this.#view.setUint32(4, checksumOf(this.#bytes.subarray(FRAME_HEAD, this.#length)), true)
    const begin = this.#isBegun ? 0 : MAGIC.length
    const frame = new Uint8Array(begin + this.#length)
    if (begin > 0) frame.set(MAGIC)
    frame.set(this.#bytes.subarray(0, this.#length), begin)
    this.#isBegun = true
    this.#length = FRAME_HEAD
    return frame
  }

  #row({ createdAt = Number.NaN, id }: Session, isUuid: boolean): void {
    this.#reserve(24)
    this.#view.setFloat64(this.#length, createdAt, true)
    this.#length += 8
    if (isUuid) {
      readUuid(id, this.#words)
      for (let word = 0; word < 4; word++) this.#view.setInt32(this.#length + word * 4, this.#words[word]!, true)
      this.#length += 16
      return
    }
    const text = this.#encoder.encode(id)
    this.#numbers(text.length)
    this.#reserve(text.length)
    this.#bytes.set(text, this.#length)
    this.#length += text.length
  }

  #byte(value: number): void {
    this.#reserve(1)
    this.#bytes[this.#length++] = value
  }

  #numbers(...values: ReadonlyArray<number>): void {
    this.#reserve(values.length * 4)
    for (const value of values) {
      this.#view.setUint32(this.#length, value, true)
      this.#length += 4
    }
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return
    const bytes = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count))
    bytes.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer)
  }
}
