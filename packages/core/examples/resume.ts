/**
 * Prints the ids of all sessions and can be stopped anywhere: it goes on where it stopped.
 *
 * The token of the last page printed is kept in the file that `TOKEN_FILE` names, until the list has been read. Run it
 * with `HYPERBROWSER_API_KEY` set; `HYPERBROWSER_BASE_URL` names another server.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Sessions from "@hb-sessions/core/Sessions"
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

const program = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const file = yield* Config.String("TOKEN_FILE")
  const token = (yield* fs.exists(file)) ? { from: yield* fs.readFileString(file) } : {}
  yield* Sessions.pages({ consistency: "fast", ...token }).pipe(
    Stream.runForEach(({ resumeToken, sessions }) =>
      Effect.andThen(
        Effect.forEach(sessions, ({ id }) => Console.log(id), { discard: true }),
        fs.writeFileString(file, resumeToken)
      )
    )
  )
  yield* fs.remove(file)
})

program.pipe(Effect.provide(Layer.merge(SessionsClient.layerConfig, NodeFileSystem.layer)), NodeRuntime.runMain)
