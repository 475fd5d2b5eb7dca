/**
 * A 128-bit digest of a sequence of texts: equal sequences have equal digests, and other sequences, in practice, others.
 *
 * Tells a resumed read whether the list still begins with the rows that were delivered, without naming them. It guards
 * against change, not against an adversary.
 */
const SEEDS = [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344] as const

/** A digest that grows by one text at a time. */
export class Digest {
  // Four fields, and four variables below: in an array every step of every character would go through memory.
  #a: number
  #b: number
  #c: number
  #d: number

  constructor(state?: string) {
    const lane = (index: 0 | 1 | 2 | 3) =>
      (state === undefined ? SEEDS[index] : Number.parseInt(state.slice(index * 8, index * 8 + 8), 16)) | 0
    this.#a = lane(0)
    this.#b = lane(1)
    this.#c = lane(2)
    this.#d = lane(3)
  }

  add(text: string): void {
    // Four polynomials of the text over different odd bases, then a chain over the four sums.
    let [a, b, c, d] = [text.length, text.length, text.length, text.length]
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at)
      a = Math.imul(a ^ code, 0x01000193)
      b = (Math.imul(b, 0x9e3779b1) + code) | 0
      c = Math.imul((c + code) | 0, 0x85ebca6b)
      d = Math.imul(d, 0xc2b2ae35) ^ code
    }
    this.#a = (mix(this.#a ^ a) + Math.imul(this.#b, 5)) | 0
    this.#b = (mix(this.#b ^ b) + Math.imul(this.#c, 5)) | 0
    this.#c = (mix(this.#c ^ c) + Math.imul(this.#d, 5)) | 0
    this.#d = (mix(this.#d ^ d) + Math.imul(this.#a, 5)) | 0
  }

  /** Gives, at any time, `toString()` of now. */
  snapshot(): () => string {
    const lanes = [this.#a, this.#b, this.#c, this.#d]
    return () => lanes.map(hex).join("")
  }

  /** 32 hexadecimal digits, from which the digest can be continued. */
  toString(): string {
    return this.snapshot()()
  }
}

const hex = (lane: number): string => (lane >>> 0).toString(16).padStart(8, "0")

const mix = (word: number): number => {
  let mixed = Math.imul(word ^ (word >>> 16), 0x7feb352d)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b)
  return mixed ^ (mixed >>> 16)
}
