/**
 * Sessions without `createdAt` in a read that ends at a time: core leaves them out, since nothing tells whether they are
 * older. An incremental export must know when it would miss one.
 */
import type { Session } from "@hb-sessions/core/Session"
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { firstTime } from "./PlausibleTime.ts"

/** A time before that of any session places one no better than none. */
const isUnplaced = ({ createdAt }: Session): boolean => createdAt === undefined || createdAt < firstTime

/** Shows each session without a `createdAt` that can be true, on the pages that a read asks for, as often as it is met. */
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
