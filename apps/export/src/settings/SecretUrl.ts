/**
 * URLs that grant what they are for to all who know them, such as those of heartbeats and of chat webhooks: no log, error
 * or metric shows them.
 */
import { HttpUrlText } from "@hb-sessions/core/SettingText"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaIssue from "effect/SchemaIssue"

/** A URL that is not shown. */
export type SecretUrl = Redacted.Redacted<URL>

/** Schema for one http or https URL. */
export const SecretUrlText = Schema.RedactedFromValue(HttpUrlText)

const decode = Schema.decodeOption(SecretUrlText)

const words = (text: string): ReadonlyArray<string> => text.split(/\s+/).filter((word) => word !== "")

/** The URLs of a text that are usable, each once. */
export const usable = (text: string): ReadonlyArray<SecretUrl> => {
  const found = words(text).flatMap((word) => Option.toArray(decode(word)))
  return [...new Map(found.map((url) => [Redacted.value(url).href, url])).values()]
}

/** Schema for several URLs with spaces between them; each counts once. */
export const SecretUrlsText = Schema.String.pipe(
  Schema.decodeTo(Schema.Array(Schema.toType(SecretUrlText)), {
    decode: SchemaGetter.transformEffect((text: string, options) => {
      const isFine = words(text).length > 0 && words(text).every((word) => Option.isSome(decode(word)))
      if (isFine) return Effect.succeed(usable(text))
      const expected = "http or https URLs with spaces between them"
      return Effect.fail(new SchemaIssue.InvalidValue({ expected }, text, options))
    }),
    encode: SchemaGetter.transform((urls: ReadonlyArray<SecretUrl>) =>
      urls.map((url) => Redacted.value(url).href).join(" ")
    )
  })
)

/** What a text must not hold of a URL: the whole, its credentials, and the parts that may be a token. */
export const secretsOf = (secret: SecretUrl): ReadonlyArray<string> => {
  const url = Redacted.value(secret)
  const place = `${url.pathname}${url.search}`
  const parts = [...url.pathname.split("/"), ...url.searchParams.values()]
  return [
    url.href,
    ...(place.length >= LEAST_TOKEN ? [place] : []),
    ...[url.password, decoded(url.password)],
    ...[...parts, ...parts.map(decoded)].filter((part) => part.length >= LEAST_TOKEN)
  ].filter((part) => part !== "")
}

/** Shorter parts of a path are words, which other texts have too. */
const LEAST_TOKEN = 12

const decoded = (part: string): string => {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
