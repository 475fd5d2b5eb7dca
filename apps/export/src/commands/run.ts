/**
 * `hb-sessions-export run`
 */
import * as Transport from "@hb-sessions/app-kit/Transport"
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ExportJob from "../ExportJob.ts"

const flags = {
  out: Flag.String("out").pipe(
    Flag.withAlias("o"),
    Flag.withMetavar("directory"),
    Flag.withDescription("Where the file goes; created when it does not exist (required)")
  )
}

export const runExport = Command.make(
  "run",
  flags,
  Effect.fn("run")(function* ({ out }) {
    const { bytes, file, sessions } = yield* ExportJob.run({ directory: out })
    yield* Console.log(`exported ${sessions} sessions to ${file} (${bytes} bytes)`)
  })
).pipe(
  Command.withDescription("Export every session once, then exit. An earlier file is replaced only by a complete one."),
  Command.withExamples([
    { command: "hb-sessions-export run --out /var/lib/exports", description: "Write /var/lib/exports/sessions.csv" }
  ]),
  Command.provide(SessionsClient.layerConfigNoDeps.pipe(Layer.provide(Transport.layer)))
)
