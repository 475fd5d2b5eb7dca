/**
 * Random numbers that a seed determines.
 */

/** A source of random numbers; every choice of a world and of its network comes from one. */
export interface Random {
  /** From 0 up to, but not including, 1. */
  readonly next: () => number
  /** An integer from 0 up to, but not including, `bound`. */
  readonly below: (bound: number) => number
  /** Whether something that has this probability happens. */
  readonly chance: (probability: number) => boolean
  readonly pick: <A>(values: readonly [A, ...ReadonlyArray<A>]) => A
  /** A random UUID of version 4, in its canonical form. */
  readonly uuid: () => string
}

/** Mulberry32. */
export const makeRandom = (seed: number): Random => {
  let state = seed >>> 0
  const word = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  const next = () => word() / 0x100000000
  const below = (bound: number) => Math.floor(next() * bound)
  return {
    next,
    below,
    chance: (probability) => next() < probability,
    pick: (values) => values[below(values.length)] ?? values[0],
    uuid: () => {
      const hex = Array.from({ length: 4 }, () => word().toString(16).padStart(8, "0")).join("")
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`
    }
  }
}
