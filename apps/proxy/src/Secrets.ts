/**
 * Finds the upstream key in bytes and texts, however it is dressed.
 */
import * as Redacted from "effect/Redacted"

const HIDDEN = "<redacted>"

/** Knows every spelling of one secret. */
export interface Secrets {
  /** Whether the bytes hold the secret. */
  readonly isIn: (bytes: Uint8Array) => boolean
  /** The text, or a word in its place if it holds the secret. */
  readonly hide: (text: string) => string
  /** JSON with `hide` applied to the texts in it. */
  readonly hideInJson: (json: string) => string
}

/** A secret shorter than this would be found everywhere. */
const MIN_LENGTH = 6

/**
 * Makes the search for a secret: as it is, percent-encoded in part or in whole, in hexadecimal, and in base64 and
 * base64url at each of the three places at which it can begin in a longer text.
 */
export const make = (secret: Redacted.Redacted): Secrets => {
  const value = Redacted.value(secret)
  if (value.length < MIN_LENGTH) return { isIn: () => false, hide: (text) => text, hideInJson: (json) => json }
  const bytes = Buffer.from(value)
  const hex = bytes.toString("hex")
  const encoded = encodeURIComponent(value)
  const forms = [
    value,
    JSON.stringify(value).slice(1, -1),
    encoded,
    encoded.replaceAll(/%../g, (escape) => escape.toLowerCase()),
    hex,
    hex.toUpperCase(),
    ...percentForms(hex),
    ...base64Forms(bytes)
  ]
  const needles = [...new Set(forms)].map((form) => Buffer.from(form))
  const isIn = (haystack: Uint8Array): boolean => {
    const buffer = Buffer.from(haystack.buffer, haystack.byteOffset, haystack.byteLength)
    return needles.some((needle) => buffer.includes(needle))
  }
  const hide = (text: string) => (isIn(Buffer.from(text)) ? HIDDEN : text)
  const hideInJson = (json: string): string =>
    isIn(Buffer.from(json))
      ? JSON.stringify(JSON.parse(json), (_, part: unknown) => (typeof part === "string" ? hide(part) : part))
      : json
  return { isIn, hide, hideInJson }
}

const percentForms = (hex: string): ReadonlyArray<string> =>
  [hex, hex.toUpperCase()].map((digits) => digits.replaceAll(/../g, "%$&"))

/** Of each alignment only the characters that do not depend on what is around the secret. */
const base64Forms = (bytes: Buffer): ReadonlyArray<string> =>
  [0, 1, 2].flatMap((offset) => {
    const shifted = Buffer.concat([Buffer.alloc(offset), bytes])
    const whole = Math.floor((shifted.length * 8) / 6)
    const from = Math.ceil((offset * 8) / 6)
    return (["base64", "base64url"] as const).map((encoding) => shifted.toString(encoding).slice(from, whole))
  })
