/**
 * `hb-sessions-proxy serve`
 */
import manifest from "../../package.json" with { type: "json" }
import * as Setting from "@hb-sessions/app-kit/Setting"
import * as Command from "effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Server from "../Server.ts"
import * as ServerLayers from "../ServerLayers.ts"
import { flags, settings as serveSettings } from "../settings/Settings.ts"
import { Usage } from "../operations/Usage.ts"
import { KnownKeys } from "../upstream/KnownKeys.ts"
import * as Telemetry from "../operations/Telemetry.ts"

const { version } = manifest

export const serve = Command.make(
  "serve",
  flags,
  Effect.fn("serve")(function* ({ withoutTokens, ...given }) {
    const settings = { ...(yield* Setting.read(serveSettings, given)), withoutTokens }
    const running = Effect.gen(function* () {
      yield* Console.log(JSON.stringify(yield* Server.start(settings)))
      return yield* Effect.never
    })
    const parts = Layer.mergeAll(
      ServerLayers.layerTokens(settings),
      ServerLayers.layerAccounts(settings, version)
    ).pipe(Layer.provideMerge(ServerLayers.layerRedis(settings)))
    // The server stops before its parts do.
    return yield* Effect.scoped(running).pipe(
      Effect.provide(
        parts.pipe(
          Layer.provideMerge(Telemetry.layer(version)),
          Layer.provideMerge(Usage.layer),
          Layer.provideMerge(KnownKeys.layer)
        )
      )
    )
  })
).pipe(
  Command.withDescription(
    "Serve the sessions API to clients with a token, and add the API key. The first line on stdout holds the URLs as JSON. SIGINT or SIGTERM stops the server once running requests have finished; a second signal stops it at once."
  ),
  Command.withExamples([
    {
      command: "hb-sessions-proxy serve --tokens-file tokens.json",
      description: "Serve on http://127.0.0.1:8080, with /readyz and /metrics on port 8081"
    },
    {
      command: "hb-sessions-proxy serve --port 0 --without-tokens",
      description: "Serve every caller on this machine, on a free port"
    }
  ])
)
