/**
 * Sessions on their way from a read to the output.
 */
import type { AppError } from "@hb-sessions/app-kit/AppError"
import type { Session } from "@hb-sessions/core/Session"
import type { SessionsClient } from "@hb-sessions/core/SessionsClient"
import type { SessionsError } from "@hb-sessions/core/SessionsError"
import type * as Stream from "effect/Stream"

/** Sessions of a page, and what makes the token that goes on after them. */
export interface Chunk {
  readonly sessions: ReadonlyArray<Session>
  readonly token?: () => string
  /** What the resume file keeps of them. */
  readonly state?: Uint8Array
}

/** The sessions of a read. */
export type Chunks = Stream.Stream<Chunk, AppError | SessionsError, SessionsClient>
