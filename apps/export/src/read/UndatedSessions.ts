/**
 * Sessions without `createdAt` in a partial read: core leaves them out, since they may be older than its end. An
 * incremental export must notice when it would miss one.
 */
import type { Session } from "@hb-sessions/core/Session"
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { firstTime } from "./PlausibleTime.ts"

/** An implausibly early time does not place a session either. */
const isUnplaced = ({ createdAt }: Session): boolean => createdAt === undefined || createdAt < firstTime

/** Calls `visit` with each session without a plausible `createdAt` on the pages that a read requests, repeats included. */
export const watch =
  (visit: (session: Session) => void) =>
  <A, E, R>(read: Stream.Stream<A, E, R>): Stream.Stream<A, E, R | SessionsClient> =>
    Stream.updateService(read, SessionsClient, (client) => ({
      ...client,
      getPage: (query) =>
        Effect.tap(client.getPage(query), ({ sessions }) =>
          Effect.sync(() => {
            for (const session of sessions) if (isUnplaced(session)) visit(session)
          })
        )
    }))
