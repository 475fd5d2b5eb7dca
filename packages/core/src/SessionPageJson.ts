/**
 * Pages from the text of a response, for those who fetch it themselves.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { decodePage, decodePageStrictly } from "./internal/decodePage.ts"
import type { DecodedPage, SessionPage } from "./SessionPage.ts"

const parseBySchema = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.Unknown))

const BOM = "\uFEFF"

/** What is not JSON is left to the schema, whose failure it is. */
const parse = (text: string): Result.Result<unknown, Schema.SchemaError> =>
  Result.orElse(
    Result.try((): unknown => JSON.parse(text)),
    () => parseBySchema(text)
  )

const withoutBom = (text: string): string => (text.startsWith(BOM) ? text.slice(1) : text)

/**
 * Reads a page from JSON text as a client does; fails with a `SchemaError` when the text is not JSON or has no list of
 * rows.
 *
 * **Details**
 *
 * `DecodedPage` says what is read from what servers send. It needs no generated code, so it is as fast where
 * `new Function` is forbidden.
 */
export const decode = (text: string): Result.Result<DecodedPage, Schema.SchemaError> => {
  const json = withoutBom(text)
  return Result.flatMap(parse(json), (page) => decodePage(page, { text: () => json }))
}

/**
 * Reads a page from JSON text by the contract; fails with a `SchemaError` when anything in it does not fit.
 *
 * **Details**
 *
 * The result is that of the schema `SessionPage`, several times as fast.
 */
export const decodeStrictly = (text: string): Result.Result<SessionPage, Schema.SchemaError> =>
  Result.flatMap(parse(withoutBom(text)), decodePageStrictly)
