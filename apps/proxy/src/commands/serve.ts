/**
 * `hb-sessions-proxy serve`
 */
import * as Transport from "@hb-sessions/app-kit/Transport"
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Server from "../Server.ts"

const DEFAULT_PORT = 8080

const Port = Schema.Int.check(
  Schema.isBetween({ minimum: 0, maximum: 65535 }, { message: "must be a port number from 0 to 65535" })
)

const flags = {
  port: Flag.Int("port").pipe(
    Flag.withAlias("p"),
    Flag.withSchema(Port),
    Flag.withDescription(`Port to listen on; 0 takes a free one (default: ${DEFAULT_PORT})`),
    Flag.withDefault(DEFAULT_PORT)
  )
}

export const serve = Command.make(
  "serve",
  flags,
  Effect.fn("serve")(function* ({ port }) {
    const url = yield* Server.start({ port })
    yield* Console.log(JSON.stringify({ url }))
    return yield* Effect.never
  }, Effect.scoped)
).pipe(
  Command.withDescription(
    "Answer GET /api/sessions on 127.0.0.1, with the API key added. The first line on stdout is the URL as JSON. Stops on SIGINT or SIGTERM."
  ),
  Command.withExamples([{ command: "hb-sessions-proxy serve --port 0", description: "Serve on a free port" }]),
  Command.provide(SessionsClient.layerConfigNoDeps.pipe(Layer.provide(Transport.layer)))
)
