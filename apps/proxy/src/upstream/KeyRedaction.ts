/**
 * Finds the upstream key in bytes and texts, in every spelling.
 */
import { secretForms } from "@hb-sessions/core/secretForms"
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

/** Makes the search for a secret in each of its spellings. */
export const make = (secret: Redacted.Redacted): Secrets => {
  const value = Redacted.value(secret)
  if (value.length < MIN_LENGTH) return { isIn: () => false, hide: (text) => text, hideInJson: (json) => json }
  const needles = secretForms(value).map((form) => Buffer.from(form))
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
