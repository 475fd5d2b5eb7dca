/**
 * Sessions as newline-delimited JSON: one object a line, in the contract's form, unknown keys included.
 *
 * What was read is written in the contract's form. What had no meaning, or meant that there is no value, is written as it
 * was sent; so are numbers that JavaScript cannot hold, such as integers beyond 2^53. That is known of the very objects
 * that a read gave, not of copies of them.
 */
import * as Schema from "effect/Schema"
import { sentValues, toJson, withSentValues } from "./internal/asSent.ts"
import { splitPath } from "./internal/columnPath.ts"
import { ExactNumber } from "./internal/ExactNumber.ts"
import { pickPaths } from "./internal/pickPaths.ts"
import { withoutSecrets } from "./secretKeys.ts"
import { Session } from "./Session.ts"
import { everything } from "./SessionsColumns.ts"
import type { UnreadableRow } from "./SessionPage.ts"

export {
  /** A number that JavaScript cannot hold, by its `text`; `toJson` writes it as it was sent. */
  ExactNumber,
  /** The JSON text of a value that may hold `ExactNumber`s. */
  toJson
}

const encode = Schema.encodeSync(Session)

/** The record of a session as it is written, as a value. A number that JavaScript cannot hold is an `ExactNumber`. */
export const toRecord = (session: Session): { readonly [key: string]: unknown } => {
  const sent = sentValues(session)
  const record = encode(session)
  return sent.length === 0 ? record : { ...record, ...Object(withSentValues(record, sent)) }
}

/** The JSON text of one session, without a line break. */
export const encodeSession = (session: Session): string =>
  sentValues(session).length === 0 ? JSON.stringify(encode(session)) : toJson(toRecord(session))

/**
 * Makes a function that picks the given columns of a session's record, as `toRecord` has it.
 *
 * Columns are as `SessionsColumns` has them, and are nested as the API nests them: `launchState.screen.width` gives
 * `{"launchState":{"screen":{"width":1280}}}`. With `*` among them it is all that this session has, as a record has no
 * header. Absent values are left out, and so are secrets.
 */
export const pickColumns = (columns: ReadonlyArray<string>): ((session: Session) => unknown) => {
  if (columns.includes(everything)) return (session) => toRecord(withoutSecrets(session))
  const pick = pickPaths(columns.map(splitPath))
  return (session) => pick(toRecord(withoutSecrets(session)))
}

/** As `pickColumns`, but the function writes the JSON text, without a line break. */
export const encodeColumns = (columns: ReadonlyArray<string>): ((session: Session) => string) => {
  if (columns.includes(everything)) return (session) => encodeSession(withoutSecrets(session))
  const pick = pickColumns(columns)
  return (session) => toJson(pick(session))
}

/** The text of the given sessions, a line each, with a line break after every one; empty for none. */
export const encodeRows = (sessions: ReadonlyArray<Session>): string =>
  sessions.map((session) => `${encodeSession(session)}\n`).join("")

/** The JSON text of a row that is no session, as it was sent, without a line break. */
export const encodeUnreadable = ({ row }: Pick<UnreadableRow, "row">): string =>
  toJson(typeof row === "object" && row !== null ? withSentValues(row, sentValues(row)) : row)
