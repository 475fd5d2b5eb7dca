/**
 * The URL of a PostgreSQL database; it may hold a password, so that no log, error or metric shows it.
 */
import * as Schema from "effect/Schema"

const expected = { expected: "a URL of a PostgreSQL database, such as postgres://user@host/database" }

const isDatabaseUrl = Schema.makeFilter(
  (text: string) => URL.canParse(text) && /^postgres(?:ql)?:$/.test(new URL(text).protocol),
  expected
)

/** Schema for the URL of a database. */
export const DatabaseUrlText = Schema.RedactedFromValue(Schema.String.check(isDatabaseUrl))

/** A URL that is not shown. */
export type DatabaseUrl = typeof DatabaseUrlText.Type

/** Schema for the name of a schema in a database, which needs no quotes there. */
export const SchemaName = Schema.String.check(
  Schema.isPattern(/^(?!pg_)[a-z_][a-z0-9_]{0,39}$/, {
    expected: "a name of lower-case letters, digits and _, at most 40 of them, that does not begin with pg_ or a digit"
  })
)
