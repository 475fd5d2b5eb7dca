/**
 * One page of the list of sessions, as the API returns it.
 *
 * Source: the vendor's contract of `GET /api/sessions`, and the vendor's SDKs, which call the page size `perPage`.
 */
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import { Session } from "./Session.ts"

const Count = Schema.Finite

const unknownKeys = [Schema.Record(Schema.String, Schema.Unknown)] as const

const fields = {
  sessions: Schema.Array(Session),
  totalCount: Schema.optionalKey(Count.annotate({ examples: [100] })).annotateKey({
    description: "Sessions in the whole list that match the filter; absent when the server does not tell"
  }),
  page: Schema.optionalKey(Count.annotate({ examples: [1] })).annotateKey({
    description: "The number of this page, 1-based; absent when the server does not tell"
  }),
  pageSize: Schema.optionalKey(Count.annotate({ examples: [10] })).annotateKey({
    description: "Sessions on a full page; absent when the server does not tell"
  })
}

const Decoded = Schema.StructWithRest(Schema.toType(Schema.Struct(fields)), unknownKeys)

const Encoded = Schema.StructWithRest(
  Schema.Struct({
    ...fields,
    perPage: Schema.optionalKey(Count).annotateKey({
      description: "Another name for `pageSize`, read but never written"
    })
  }),
  unknownKeys
)

/**
 * Schema for one page.
 *
 * **Details**
 *
 * Only `sessions` is required. `perPage` is read as `pageSize` where the latter is absent, and is never written.
 */
export const SessionPage = Encoded.pipe(
  Schema.decodeTo(
    Decoded,
    SchemaTransformation.transform({
      decode: ({ perPage, ...page }) =>
        perPage === undefined ? page : { ...page, pageSize: page.pageSize ?? perPage },
      encode: (page) => page
    })
  )
)
export type SessionPage = typeof SessionPage.Type
