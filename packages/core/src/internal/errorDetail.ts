/**
 * What a server says about its failure, made safe to show.
 */
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"

const MAX_LENGTH = 300

// Control characters could rewrite a terminal or split a log line.
const CONTROL = /[\p{Cc}\p{Cf}\u2028\u2029]+/gu

/**
 * The text of an error body (`message` or `error`), on one line, at most 300 characters, without the API key.
 *
 * Empty when the body holds no such text.
 */
export const errorDetail = (body: unknown, apiKey: Redacted.Redacted): string => {
  const text = bodyText(body)
  const key = Redacted.value(apiKey)
  const hidden = key === "" ? text : text.replaceAll(key, "<redacted>")
  const line = hidden.replace(CONTROL, " ").trim()
  return line.length > MAX_LENGTH ? `${line.slice(0, MAX_LENGTH - 1)}…` : line
}

const bodyText = (body: unknown): string => {
  if (!Predicate.isObject(body)) return ""
  if (Predicate.hasProperty(body, "message") && typeof body.message === "string") return body.message
  if (Predicate.hasProperty(body, "error")) {
    return typeof body.error === "string" ? body.error : bodyText(body.error)
  }
  return ""
}
