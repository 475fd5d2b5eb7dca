/**
 * A way to print sessions, page by page.
 */
import type { Session } from "@hb-sessions/core/Session"
import type { Column } from "@hb-sessions/core/SessionsColumns"
import type { Dialect } from "@hb-sessions/core/SessionsCsv"
import type { Times } from "../times.ts"
import type { Paint } from "../text.ts"

/** Turns sessions into text; it keeps what it must know from one page to the next, and never the sessions. */
export interface Encoder {
  /** The text of the next sessions. */
  readonly rows: (sessions: ReadonlyArray<Session>) => string
  /** What comes after the last of them; a whole empty document if there were none. */
  readonly end: () => string
}

/** What an encoder needs to know. */
export interface EncoderOptions {
  /** The chosen columns, with `*` only for formats without a header; undefined for all that the format shows. */
  readonly columns: ReadonlyArray<Column> | undefined
  /** Whether the text is appended to an earlier one, so that a header would be in the way. */
  readonly isContinued: boolean
  /** In columns of the terminal; undefined for no bound. */
  readonly width: number | undefined
  readonly paint: Paint
  /** How the text cells of CSV are written. */
  readonly dialect: Dialect
  /** How times are shown to people. */
  readonly times: Times
  /** Whether a person reads the text, to whom epoch milliseconds say nothing. */
  readonly isForPeople: boolean
  /** Epoch milliseconds of the read, for the age of what still runs. */
  readonly now: number
}

export type MakeEncoder = (options: EncoderOptions) => Encoder
