/**
 * A request, its response, and what a scan took from it.
 */
import type { Session } from "../../Session.ts"
import type { UnreadableRow } from "../../SessionPage.ts"
import type { Response } from "./Responses.ts"
import type { Position } from "./token.ts"

/** A request that was sent. */
export interface Ticket {
  readonly page: number
  readonly asked: number
  /** Ids met before. */
  readonly known: number
  /** The largest total that was complete before. */
  readonly floor: number
}

/** A page as it was received. */
export interface Answer extends Response {
  /** Among the responses; undefined for an answer that stands for none. */
  readonly index: number | undefined
  readonly known: number
  /** Each row at its place, those without a usable id too. */
  readonly sessions: ReadonlyArray<Session>
  /** The rows without a usable id, by the ids of those that stand for them; undefined when there are none. */
  readonly unreadable: ReadonlyMap<string, UnreadableRow> | undefined
  /** Whether values on the page had no meaning. */
  readonly hasIgnored: boolean
  /** Undefined when the response did not tell. */
  readonly pageSize: number | undefined
}

/** What was new on a page. */
export interface Taken {
  readonly page: number
  readonly sessions: ReadonlyArray<Session>
  readonly unreadableRows: ReadonlyArray<UnreadableRow>
  /** What was on it and had been read before; only for a scan that is kept. */
  readonly repeated: ReadonlyArray<Session>
  /** What was learned since the rows before; empty when no log is kept. */
  readonly learned: Uint8Array
  /** Where the read stands after these rows; undefined when no tokens are given. */
  readonly position: (() => Position) | undefined
  readonly answer: Answer
  /** How many rows of the answer had not been met before. */
  readonly fresh: number
  /** Whether this pass had met the first row of the answer. */
  readonly isFirstKnown: boolean
}
