/**
 * Finds the upstream key in bytes and texts, in every spelling.
 */
import { secretForms } from "@hb-sessions/core/secretForms"
import * as Redacted from "effect/Redacted"

const HIDDEN = "<redacted>"

/** Knows every spelling of some secrets. */
export interface Secrets {
  /** Whether the bytes hold one of the secrets. */
  readonly isIn: (bytes: Uint8Array) => boolean
  /** The text, or a word in its place if it holds one of the secrets. */
  readonly hide: (text: string) => string
  /** JSON with `hide` applied to the texts in it. */
  readonly hideInJson: (json: string) => string
}

/** A secret shorter than this would be found everywhere. */
const MIN_LENGTH = 6

/** Makes the search for secrets in each of their spellings; those that are given when it is searched. */
export const make = (secrets: () => ReadonlyArray<Redacted.Redacted>): Secrets => {
  const known = new WeakMap<Redacted.Redacted, ReadonlyArray<Buffer>>()
  const needlesOf = (secret: Redacted.Redacted): ReadonlyArray<Buffer> => {
    const found = known.get(secret)
    if (found !== undefined) return found
    const value = Redacted.value(secret)
    const needles = value.length < MIN_LENGTH ? [] : secretForms(value).map((form) => Buffer.from(form))
    known.set(secret, needles)
    return needles
  }
  const isIn = (haystack: Uint8Array): boolean => {
    const buffer = Buffer.from(haystack.buffer, haystack.byteOffset, haystack.byteLength)
    return secrets().some((secret) => needlesOf(secret).some((needle) => buffer.includes(needle)))
  }
  const hide = (text: string) => (isIn(Buffer.from(text)) ? HIDDEN : text)
  const hideInJson = (json: string): string =>
    isIn(Buffer.from(json))
      ? JSON.stringify(JSON.parse(json), (_, part: unknown) => (typeof part === "string" ? hide(part) : part))
      : json
  return { isIn, hide, hideInJson }
}
