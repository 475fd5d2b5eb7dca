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
  // A name that no key of the text has.
  let name = "n"
  while (text.includes(`"${name}"`)) name += "n"
  const marked = text.replace(STRING_OR_NUMBER, (token) =>
    token.startsWith('"') || isExact(token) ? token : `{"${name}":"${token}"}`
  )
  return restore(JSON.parse(marked), name)
}

const STRING_OR_NUMBER = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/gs

const isExact = (token: string): boolean => {
  const value = Number(token)
  if (/^-?\d+$/.test(token)) return !isRounded(value)
  return Number.isFinite(value) && significant(token) === significant(String(value))
}

const significant = (token: string): string =>
  token
    .replace(/[eE].*$/, "")
    .replace(/[-.]/g, "")
    .replace(/^0+|0+$/g, "")

const restore = (value: unknown, name: string): unknown => {
  if (Array.isArray(value)) return value.map((item) => restore(item, name))
  if (typeof value !== "object" || value === null) return value
  const entries = Object.entries(value)
  const [only] = entries
  if (entries.length === 1 && only?.[0] === name && typeof only[1] === "string") return new ExactNumber(only[1])
  return Object.fromEntries(entries.map(([key, item]) => [key, restore(item, name)]))
}
