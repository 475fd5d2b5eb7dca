/**
 * A 128-bit digest of a sequence of texts: equal sequences have equal digests, and other sequences, in practice, others.
 *
 * Tells a resumed read whether the list still begins with the rows that were delivered, without naming them. It guards
 * against change, not against an adversary.
 */
const SEEDS = [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344]

/** A digest that grows by one text at a time. */
export class Digest {
  readonly #lanes: Uint32Array
  readonly #numbers = new Uint32Array(4)

  constructor(state?: string) {
    this.#lanes = Uint32Array.from(SEEDS, (seed, lane) =>
      state === undefined ? seed : Number.parseInt(state.slice(lane * 8, lane * 8 + 8), 16)
    )
  }

  add(text: string): void {
    // Four polynomials of the text over different odd bases, then a chain over the four sums.
    const sums = this.#numbers.fill(text.length)
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at)
      sums[0] = Math.imul(sums[0]! ^ code, 0x01000193)
      sums[1] = Math.imul(sums[1]!, 0x9e3779b1) + code
      sums[2] = Math.imul(sums[2]! + code, 0x85ebca6b)
      sums[3] = Math.imul(sums[3]!, 0xc2b2ae35) ^ code
    }
    for (let lane = 0; lane < 4; lane++) {
      this.#lanes[lane] = mix(this.#lanes[lane]! ^ sums[lane]!) + Math.imul(this.#lanes[(lane + 1) & 3]!, 5)
    }
  }

  /** 32 hexadecimal digits, from which the digest can be continued. */
  toString(): string {
    return Array.from(this.#lanes, (lane) => lane.toString(16).padStart(8, "0")).join("")
  }
}

const mix = (word: number): number => {
  let mixed = Math.imul(word ^ (word >>> 16), 0x7feb352d)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b)
  return mixed ^ (mixed >>> 16)
}
