/**
 * Random numbers that are a function of a seed and an address, so that any one of them can be had without the others.
 */

/** Numbers drawn from one seed. */
export interface Rng {
  /** An unsigned 32-bit integer; for a given `field`, different indexes below 2^32 give different words. */
  readonly word: (index: number, field: number) => number
  /** A number in [0, 1). */
  readonly fraction: (index: number, field: number) => number
  /** An integer in [0, bound); 0 when `bound` is 0. */
  readonly below: (bound: number, index: number, field: number) => number
  /** Text of the form of a version 4 UUID; for a given `field`, different indexes give different ids. */
  readonly uuid: (index: number, field: number) => string
}

/** Makes the numbers of a seed; equal seeds give equal numbers, on every machine. */
export const makeRng = (seed: string): Rng => {
  const first = hashText(seed, 0x9747b28c)
  const second = hashText(seed, 0x3c6ef372)
  const word = (index: number, field: number) =>
    mix(mix(Math.imul(index, 0x9e3779b1) + first) ^ mix(Math.imul(field, 0x85ebca77) + second))
  const fraction = (index: number, field: number) => word(index, field) / 0x1_0000_0000
  return {
    word,
    fraction,
    below: (bound, index, field) => Math.floor(fraction(index, field) * bound),
    uuid: (index, field) => {
      const head = word(index, field)
      const [b, c, d] = [mix(head ^ second), mix(head + first), mix(head ^ 0x5bd1e995)]
      const middle = `${hex16(b >>> 16)}-${hex16(0x4000 | (b & 0xfff))}-${hex16(0x8000 | (c & 0x3fff))}`
      return `${hex32(head)}-${middle}-${hex16(c >>> 16)}${hex32(d)}`
    }
  }
}

/** The finaliser of MurmurHash3: a bijection on 32 bits in which every input bit reaches every output bit. */
const mix = (input: number): number => {
  let h = input | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

const hashText = (text: string, start: number): number => {
  let h = start
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return mix(h)
}

const bytes = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"))

const hex16 = (value: number): string => bytes[value >>> 8]! + bytes[value & 0xff]!

const hex32 = (value: number): string => hex16(value >>> 16) + hex16(value & 0xffff)
