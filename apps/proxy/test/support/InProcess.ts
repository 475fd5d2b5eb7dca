/**
 * The whole proxy in this process, over real sockets and files, and what it logs.
 */
import * as Setting from "@hb-sessions/app-kit/Setting"
import { ConfigProvider, Context, Effect, Layer, Logger, Option } from "effect"
import * as Server from "../../src/Server.ts"
import * as ServerLayers from "../../src/ServerLayers.ts"
import { type Settings, settings as serveSettings } from "../../src/settings/Settings.ts"
import { Usage } from "../../src/operations/Usage.ts"
import { KnownKeys } from "../../src/upstream/KnownKeys.ts"

/** Settings that a test gives, as flags give them. */
export type Given = { readonly [Name in keyof typeof serveSettings]?: string }

/** Starts a proxy until the scope closes; fails as `serve` does. */
export const start = Effect.fnUntraced(function* (given: Given, env: Readonly<Record<string, string>> = {}) {
  const logged: Array<string> = []
  const logger = Logger.make((options) => void logged.push(JSON.stringify(Logger.formatStructured.log(options))))
  const provider = ConfigProvider.fromUnknown({
    HB_SESSIONS_MAX_REQUESTS_PER_SECOND: "0",
    HB_SESSIONS_RETRIES: "0",
    ...env
  })
  const flags = Object.fromEntries(
    Object.entries({ port: "0", drain: "0s", accessLog: "off", ...given }).map(([name, text]) => [
      name,
      Option.some(text)
    ])
  )
  const context = yield* Layer.build(
    Layer.mergeAll(Logger.layer([logger]), ConfigProvider.layer(provider), KnownKeys.layer, Usage.layer)
  )
  const running = yield* Effect.gen(function* () {
    const settings: Settings = { ...(yield* Setting.read(serveSettings, flags)), withoutTokens: false }
    const parts = yield* Layer.build(
      Layer.mergeAll(ServerLayers.layerTokens(settings), ServerLayers.layerAccounts(settings, "1.2.3")).pipe(
        Layer.provideMerge(ServerLayers.layerRedis(settings))
      )
    )
    return yield* Effect.provideContext(Server.start(settings), Context.merge(context, parts))
  }).pipe(Effect.provideContext(context))
  return { ...running, url: running.url ?? "", logged }
})
