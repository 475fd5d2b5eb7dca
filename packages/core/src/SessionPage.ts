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

/** A row that cannot be told from others, as it has no usable id. */
export interface UnreadableRow {
  /** The page that it was on, 1-based. */
  readonly page: number
  /** Its place among the rows of the page, 0-based. */
  readonly index: number
  /** Where in the body the problem is, such as `sessions[3].id`. */
  readonly path: string
  readonly reason: "not-an-object" | "id-missing" | "id-empty" | "id-not-text"
  /** The row as it was sent. It may hold secrets, as a session may. */
  readonly row: unknown
}

/**
 * A page as a client reads it.
 *
 * **Details**
 *
 * Null means absent at every key that the contract does not call nullable, and so does empty text where the contract has
 * no text. Counts and credits are also read from decimal text, ids from whole numbers, flags from `"true"` and `"false"`, and
 * times in every form that names one instant. A value that still has no meaning is absent, and printed as it was sent by
 * `SessionsNdjson`.
 */
export type DecodedPage = SessionPage & {
  /** Rows that are not in `sessions`, as they have no usable id; absent when there are none. */
  readonly unreadableRows?: ReadonlyArray<UnreadableRow>
  /** How many values had no meaning, by path, such as `launchState.useProxy`; absent when all had one. */
  readonly ignoredValues?: Readonly<Record<string, number>>
}
