/**
 * Plays what a scan had learned again, so that it goes on as if it had not been interrupted.
 *
 * The order of events stays what it was, and the clock goes on behind the last of them. Requests in flight when the scan
 * was cut off are as if never sent. What follows the last whole frame was being written then, and is cut off.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { InvalidResumeToken, SessionsError } from "../../SessionsError.ts"
import { type Session, type SessionId } from "../../Session.ts"
import { checksumOf, digestOfQuery, FRAME_HEAD, ids, MAGIC, NONE, tags } from "./ScanLog.ts"
import type { Answer } from "./Answer.ts"
import type { Scan } from "./Scan.ts"

/** Longest frame; what says that it is longer is no frame. */
const MAX_FRAME = 2 ** 28

/** What was restored. */
export interface Restored {
  /** How many of the bytes count; what follows them is to be cut off before more is appended. */
  readonly bytes: number
  /** Different sessions that were read. */
  readonly sessions: number
  /** The last page of the pass that was read; 0 for none. */
  readonly page: number
}

/** Restores a scan from the bytes of a scan log, of which little is in memory at a time. */
export const restore = Effect.fnUntraced(function* <E, R>(scan: Scan, bytes: Stream.Stream<Uint8Array, E, R>) {
  const player = new Player(scan)
  const tail = yield* Stream.runFoldEffect(
    bytes,
    (): Uint8Array<ArrayBufferLike> => new Uint8Array(0),
    (kept, chunk) => Effect.suspend(() => player.feed(kept.length === 0 ? chunk : joined(kept, chunk)))
  )
  yield* player.checkBeginning(tail)
  player.end()
  const restored: Restored = { bytes: player.used, sessions: scan.table.size, page: scan.pass.reached }
  return restored
})

const joined = (a: Uint8Array, b: Uint8Array): Uint8Array => {
  const both = new Uint8Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}

const reject = (detail: string) => Effect.fail(new SessionsError({ reason: new InvalidResumeToken({ detail }) }))

class Player {
  /** Bytes of whole frames, and what precedes them. */
  used = 0
  readonly #scan: Scan
  /** Responses whose rows may follow. */
  readonly #waiting = new Map<number, Answer>()
  #isTorn = false

  constructor(scan: Scan) {
    this.#scan = scan
  }

  /** Plays the whole frames of some bytes; gives what is left of them. */
  feed(bytes: Uint8Array): Effect.Effect<Uint8Array, SessionsError> {
    let at = 0
    if (this.used === 0) {
      if (bytes.length < MAGIC.length) return Effect.succeed(bytes)
      if (!MAGIC.every((byte, index) => byte === bytes[index])) return this.checkBeginning(bytes)
      at = MAGIC.length
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    while (!this.#isTorn && at + FRAME_HEAD <= bytes.length) {
      const length = view.getUint32(at, true)
      if (length === 0 || length > MAX_FRAME) {
        this.#isTorn = true
        break
      }
      if (at + FRAME_HEAD + length > bytes.length) break
      const payload = bytes.subarray(at + FRAME_HEAD, at + FRAME_HEAD + length)
      if (checksumOf(payload) !== view.getUint32(at + 4, true)) {
        this.#isTorn = true
        break
      }
      const other = this.#play(payload)
      if (other !== undefined) return reject(other)
      at += FRAME_HEAD + length
      this.used += this.used === 0 ? at : FRAME_HEAD + length
    }
    if (this.#isTorn) return Effect.succeed(new Uint8Array(0))
    return Effect.succeed(this.used === 0 ? bytes : bytes.subarray(at).slice())
  }

  /** Whether what did not even make a first frame is the beginning of one. */
  checkBeginning(bytes: Uint8Array): Effect.Effect<Uint8Array, SessionsError> {
    if (this.used > 0) return Effect.succeed(bytes)
    const begins = bytes.subarray(0, MAGIC.length)
    if (begins.every((byte, index) => byte === MAGIC[index])) return Effect.succeed(bytes)
    const text = new TextDecoder().decode(begins)
    return reject(/^hbscan\d/.test(text) ? `the state is of version ${text.slice(6, 7)}` : "it is no state of a scan")
  }

  /** Drops what was in flight. */
  end(): void {
    const { pass } = this.#scan
    const waiting = Math.max(0, ...[...this.#waiting.values()].map(({ page }) => page))
    pass.reached = this.#scan.rules.restoredPage(pass.reached, waiting)
    this.#scan.restoreClock()
    this.#waiting.clear()
  }

  /** Plays the records of a frame; why it cannot be played, if so. */
  #play(payload: Uint8Array): string | undefined {
    const reader = new Fields(payload)
    while (reader.at < payload.length) {
      const other = this.#record(reader)
      if (other !== undefined) return other
    }
    return undefined
  }

  #beginPass(from: number, isListing: boolean): void {
    this.#scan.beginPass(from, isListing, this.#scan.looksPastEnd(isListing))
  }

  #record(from: Fields): string | undefined {
    const scan = this.#scan
    switch (from.byte()) {
      case tags.query: {
        const digest = from.hex(16)
        return digest === digestOfQuery(scan.query.text) ? undefined : "it is of another query"
      }
      case tags.pass: {
        this.#beginPass(from.number(), from.byte() === 1)
        return undefined
      }
      case tags.response: {
        const [page, asked, completed, total] = [from.number(), from.number(), from.number(), from.number()]
        const [pageSize, known, floor, rows] = [from.number(), from.number(), from.number(), from.number()]
        const said = { page, asked, completed, known, total: orNone(total), pageSize: orNone(pageSize), ...bare }
        const answer = scan.restoreResponse({ ...said, sessions: [] }, { floor, rows })
        if (answer.index !== undefined) this.#waiting.set(answer.index, answer)
        return undefined
      }
      case tags.rows: {
        const index = from.number()
        const inPass = from.byte() === 1
        const isUuids = from.byte() === ids.uuid
        const count = from.number()
        const sessions: Array<Session> = []
        for (let row = 0; row < count; row++) sessions.push(from.row(isUuids))
        const answer = this.#waiting.get(index)
        if (answer === undefined) return "it is damaged"
        this.#waiting.delete(index)
        scan.restoreRows({ ...answer, sessions }, inPass)
        return undefined
      }
      case tags.absent: {
        const [page, asked, completed] = [from.number(), from.number(), from.number()]
        const missing = { total: undefined, index: undefined, pageSize: undefined, sessions: [], ...bare }
        scan.restoreRows({ page, asked, completed, known: scan.table.size, ...missing }, from.byte() === 1)
        return undefined
      }
      case tags.resized: {
        scan.setPageSize(from.number())
        return undefined
      }
      case tags.end: {
        scan.pass.isEnded = true
        return undefined
      }
      case tags.restored: {
        scan.restarts++
        return undefined
      }
      case tags.unreadable: {
        scan.unreadable = from.number()
        scan.hasAlikeRows = from.byte() === 1
        return undefined
      }
      default:
        return "it is of a later version"
    }
  }
}

/** What is not kept of an answer. */
const bare = { unreadable: undefined, hasIgnored: false }

const orNone = (value: number): number | undefined => (value === NONE ? undefined : value)

const hexOf: ReadonlyArray<string> = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"))

/** Reads the fields of records one after another. */
class Fields {
  at = 0
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #decoder = new TextDecoder()

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  byte(): number {
    return this.#bytes[this.at++] ?? 0
  }

  number(): number {
    this.at += 4
    return this.#view.getUint32(this.at - 4, true)
  }

  hex(bytes: number): string {
    let text = ""
    for (let left = bytes; left > 0; left--) text += hexOf[this.byte()]
    return text
  }

  /** As much of a session as a scan remembers. */
  row(isUuid: boolean): Session {
    const createdAt = this.#view.getFloat64(this.at, true)
    this.at += 8
    // It was one when it was written; to check each of a million again would take longer than to restore them.
    const id = (isUuid ? this.#uuid() : this.#text(this.number())) as SessionId
    return Number.isNaN(createdAt) ? { id } : { id, createdAt }
  }

  #uuid(): string {
    const word = () => this.number().toString(16).padStart(8, "0")
    const hex = word() + word() + word() + word()
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
  }

  #text(length: number): string {
    this.at += length
    return this.#decoder.decode(this.#bytes.subarray(this.at - length, this.at))
  }
}
