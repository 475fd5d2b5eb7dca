/**
 * What a server says about its failure, made safe to show.
 */
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import { secretForms } from "../secretForms.ts"

const MAX_LENGTH = 300

// Control characters could rewrite a terminal or split a log line.
const CONTROL = /[\p{Cc}\p{Cf}\u2028\u2029]+/gu

/**
 * The text of an error body (`message` or `error`), on one line, at most 300 characters, without the API key.
 *
 * Empty when the body holds no such text.
 */
export const errorDetail = (body: unknown, apiKey: Redacted.Redacted): string => safeText(bodyText(body), apiKey)

/** A text that a server sent, on one line, at most 300 characters, without the API key, plain or encoded. */
export const safeText = (text: string, apiKey: Redacted.Redacted): string => {
  const hidden = formsOf(apiKey).reduce((rest, form) => rest.replaceAll(form, "<redacted>"), text)
  const line = hidden.replace(CONTROL, " ").trim()
  return line.length > MAX_LENGTH ? `${line.slice(0, MAX_LENGTH - 1)}…` : line
}

const knownForms = new WeakMap<Redacted.Redacted, ReadonlyArray<string>>()

const formsOf = (apiKey: Redacted.Redacted): ReadonlyArray<string> => {
  const known = knownForms.get(apiKey)
  if (known !== undefined) return known
  const forms = secretForms(Redacted.value(apiKey))
  knownForms.set(apiKey, forms)
  return forms
}

const bodyText = (body: unknown): string => {
  // An error in an error in an error: there may be more of them than the stack has room for.
  let inner = body
  while (Predicate.isObject(inner)) {
    if (Predicate.hasProperty(inner, "message") && typeof inner.message === "string") return inner.message
    if (!Predicate.hasProperty(inner, "error")) return ""
    if (typeof inner.error === "string") return inner.error
    inner = inner.error
  }
  return ""
}
