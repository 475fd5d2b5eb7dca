/**
 * What a resumed read knows to have been delivered before.
 *
 * A token cannot name all rows that were delivered: it names the last ones, and has the digest of all, in the order of
 * the list. So a resumed read that wants a proof begins with the first page again and holds back what it meets from the
 * token's first row on, as many rows as were delivered, while it makes their digest. If the digests are equal, exactly
 * those rows were delivered. If not, the list has changed, it cannot be told which rows were delivered, and the read
 * begins once more and holds back only the rows that the token names, and pages that are as they were delivered last:
 * rows can then be delivered twice, but none is lost. A read that must not do that fails.
 */
import { Digest } from "./Digest.ts"
import { digestOf, nameOf, type Position } from "./token.ts"

/** Decides, row by row, what to hold back. */
export class Delivered {
  readonly #position: Position
  readonly #named: Set<string>
  readonly #late: ReadonlySet<string>
  readonly #mayRepeat: boolean
  /** Rows that are known by their ids: those of pages that are as they were, and those above the first one. */
  readonly #ids = new Set<string>()
  readonly #digest = new Digest()
  #rows = 0
  #state: "before" | "inside" | "mismatch" | "done"

  constructor(position: Position, options: { readonly matchDigest: boolean; readonly mayRepeat?: boolean }) {
    this.#mayRepeat = options.mayRepeat ?? true
    this.#position = position
    this.#named = new Set([...position.late, ...position.last])
    this.#late = new Set(position.late)
    this.#state = options.matchDigest && position.rows > 0 ? "before" : "done"
  }

  /** The position to go on from, should this read be interrupted too; undefined once the read's own position counts. */
  get position(): Position | undefined {
    return this.#state === "done" ? undefined : this.#position
  }

  /** Whether the digests differ. */
  get isMismatch(): boolean {
    return this.#state === "mismatch"
  }

  /** Whether rows are held back that may not have been delivered; at the end of the first pass that is certain. */
  get isDoubtful(): boolean {
    return this.#state === "inside" || this.#state === "mismatch"
  }

  /** Whether rows would be delivered twice by a read that must not do that; at the end of the first pass that is certain. */
  get isLost(): boolean {
    return !this.#mayRepeat && (this.#state !== "done" || this.#position.isLateCut === true)
  }

  /** Looks whether a page has the very rows of one that was delivered last. */
  recognise(ids: ReadonlyArray<string>): void {
    if (ids.length === 0 || !this.#position.pages.includes(digestOf(ids))) return
    for (const id of ids) this.#ids.add(id)
  }

  /** Whether a row that was met for the first time is held back. */
  holdsBack(id: string): boolean {
    if (this.#state === "mismatch") return true
    if (this.#state === "before" && digestOf([id]) === this.#position.first) this.#state = "inside"
    if (this.#state === "inside") {
      // What was found late was delivered, but not among the rows of the list.
      if (this.#late.has(nameOf(id))) return true
      this.#digest.add(id)
      this.#rows++
      if (this.#rows < this.#position.rows) return true
      this.#state = this.#digest.toString() === this.#position.digest ? "done" : "mismatch"
      return true
    }
    if (this.#ids.has(id) || this.#named.has(nameOf(id))) return true
    // Rows above the token's first one are new, or have moved there; if all begins once more, they were delivered now.
    if (this.#state === "before") this.#ids.add(id)
    return false
  }

  /** From now on holds back only the rows that are named. */
  giveUpDigest(): void {
    this.#state = "done"
  }
}
