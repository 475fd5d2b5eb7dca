/**
 * Realistic sessions without a server.
 */
import { SessionPage } from "@hb-sessions/core/SessionPage"
import type { Session } from "@hb-sessions/core/Session"
import { makeWorld, servePage } from "@hb-sessions/simulator/World"
import * as Schema from "effect/Schema"

/** The JSON text of a page of so many sessions, as the simulator serves it. */
export const pageText = (size: number): string => {
  const answer = servePage(
    makeWorld({ sessions: Math.max(size, 20_000) }),
    { page: 1, limit: size },
    { maxLimit: size }
  )
  return JSON.stringify(answer.body)
}

/** So many decoded sessions. */
export const sessions = (count: number): ReadonlyArray<Session> =>
  Schema.decodeUnknownSync(SessionPage)(JSON.parse(pageText(count))).sessions
