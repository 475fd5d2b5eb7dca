/**
 * Sessions as newline-delimited JSON: one object a line, in the contract's form, unknown keys included.
 */
import * as Schema from "effect/Schema"
import { Session } from "./Session.ts"

const encode = Schema.encodeSync(Session)

/** The JSON text of one session, without a line break. */
export const encodeSession = (session: Session): string => JSON.stringify(encode(session))

/** The text of the given sessions, a line each, with a line break after every one; empty for none. */
export const encodeRows = (sessions: ReadonlyArray<Session>): string =>
  sessions.map((session) => `${encodeSession(session)}\n`).join("")
