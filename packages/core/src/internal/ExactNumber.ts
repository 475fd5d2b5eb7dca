/**
 * Numbers of a JSON text that a JavaScript number cannot hold, such as integers beyond 2^53.
 *
 * `JSON.parse` rounds them without a word. A page that has one is parsed a second time, with each such number as an
 * `ExactNumber`. This is done on the text, so it is the same in every runtime.
 */

/** A number by its text. */
export class ExactNumber {
  /** As it was sent, such as `9007199254740993`. */
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
  /** The nearest JavaScript number; infinite beyond their range. */
  get value(): number {
    return Number(this.text)
  }
}

/** Whether a number may have been rounded when it was parsed. */
export const isRounded = (value: number): boolean => !(value <= MAX && value >= -MAX)

const MAX = Number.MAX_SAFE_INTEGER

/** Parses JSON that is known to be valid. */
export const parseExact = (text: string): unknown => {
  // No key of the text has it, however it is spelled there: a server cannot guess it.
  const name = `n${Math.random()}`
  let isText = false
  const marked = text.replaceAll(PIECE, (piece) => {
    if (piece === '"') isText = !isText
    return isText || piece === '"' || isExact(piece) ? piece : `{"${name}":"${piece}"}`
  })
  return restore(JSON.parse(marked), name)
}

// Not whole strings: a pattern keeps a place for each escape in them, of which there is room for a few million.
const PIECE = /"|\\["\\]|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g

const isExact = (token: string): boolean => {
  const value = Number(token)
  if (/^-?\d+$/.test(token)) return !isRounded(value)
  return Number.isFinite(value) && significant(token) === significant(String(value))
}

/** The digits between the zeros at both ends; a pattern for the last ones would begin anew at every zero. */
const significant = (token: string): string => {
  const digits = token.replace(/[eE].*$/, "").replaceAll(/[-.]/g, "")
  let end = digits.length
  while (digits[end - 1] === "0") end--
  return digits.slice(0, end).replace(/^0+/, "")
}

const restore = (value: unknown, name: string): unknown => {
  if (Array.isArray(value)) return value.map((item) => restore(item, name))
  if (typeof value !== "object" || value === null) return value
  const entries = Object.entries(value)
  const [only] = entries
  if (entries.length === 1 && only?.[0] === name && typeof only[1] === "string") return new ExactNumber(only[1])
  return Object.fromEntries(entries.map(([key, item]) => [key, restore(item, name)]))
}
