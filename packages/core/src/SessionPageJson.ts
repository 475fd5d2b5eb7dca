/**
 * Pages from the text of a response, for those who fetch it themselves.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { decodePage } from "./internal/decodePage.ts"
import type { SessionPage } from "./SessionPage.ts"

const parseBySchema = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.Unknown))

/** What is not JSON is left to the schema, whose failure it is. */
const parse = (text: string): Result.Result<unknown, Schema.SchemaError> =>
  Result.orElse(
    Result.try((): unknown => JSON.parse(text)),
    () => parseBySchema(text)
  )

/**
 * Reads a page from JSON text; fails with a `SchemaError` when the text is not JSON or not a page.
 *
 * **Details**
 *
 * The result is that of the schema `SessionPage`, several times as fast: what is valid is recognised by plain checks and
 * converted in place. It needs no generated code, so it is as fast where `new Function` is forbidden.
 */
export const decode = (text: string): Result.Result<SessionPage, Schema.SchemaError> =>
  Result.flatMap(parse(text), decodePage)
