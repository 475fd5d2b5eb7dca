/**
 * Prints the active sessions of the last day, newest first, and what the read says about its completeness.
 *
 * Run it with `HYPERBROWSER_API_KEY` set; `HYPERBROWSER_BASE_URL` names another server.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Sessions from "@hb-sessions/core/Sessions"
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

const program = Effect.gen(function* () {
  const now = yield* Clock.currentTimeMillis
  yield* Sessions.stream({
    status: "active",
    since: now - 24 * 60 * 60 * 1000,
    onReport: ({ completeness, emittedRows }) => Console.log(`${emittedRows} sessions, ${completeness.status}`)
  }).pipe(Stream.runForEach(({ creditsUsed, id }) => Console.log(`${id} ${creditsUsed ?? 0} credits`)))
})

program.pipe(
  Effect.catchReason("SessionsError", "Unauthorized", (reason) => Console.error(reason.message)),
  Effect.provide(SessionsClient.layerConfig),
  NodeRuntime.runMain
)
