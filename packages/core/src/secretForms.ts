/**
 * The spellings in which a text may hold a secret.
 */

/** A spelling of a shorter secret would be found in many texts. */
const MIN_LENGTH = 6

/**
 * A secret as it is, in JSON, percent-encoded in part or in whole, in hexadecimal, and in base64 and base64url at each of
 * the three places at which it can begin in a longer text.
 *
 * A secret of less than 6 characters is given as it is only, an empty one not at all.
 */
export const secretForms = (secret: string): ReadonlyArray<string> => {
  if (secret.length < MIN_LENGTH) return secret === "" ? [] : [secret]
  const bytes = new TextEncoder().encode(secret)
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")
  const encoded = encodeURIComponent(secret)
  const forms = [
    secret,
    JSON.stringify(secret).slice(1, -1),
    encoded,
    encoded.replaceAll(/%../g, (escape) => escape.toLowerCase()),
    ...[hex, hex.toUpperCase()].flatMap((digits) => [digits, digits.replaceAll(/../g, "%$&")]),
    ...[0, 1, 2].flatMap((offset) => base64Forms(bytes, offset))
  ]
  return [...new Set(forms)]
}

/** Of each alignment only the characters that do not depend on what is around the secret. */
const base64Forms = (bytes: Uint8Array, offset: number): ReadonlyArray<string> => {
  const text = "\0".repeat(offset) + String.fromCharCode(...bytes)
  const form = btoa(text).slice(Math.ceil((offset * 8) / 6), Math.floor((text.length * 8) / 6))
  return [form, form.replaceAll("+", "-").replaceAll("/", "_")]
}
