/**
 * Counts sessions over a transport of one's own: undici instead of `fetch`, with every request logged.
 *
 * Run it with `HYPERBROWSER_API_KEY` set; `HYPERBROWSER_BASE_URL` names another server.
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Sessions from "@hb-sessions/core/Sessions"
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

const logged = Layer.effect(
  HttpClient.HttpClient,
  Effect.map(
    HttpClient.HttpClient,
    HttpClient.tapRequest(({ method, url }) => Console.log(`${method} ${new URL(url).pathname}`))
  )
)

const layer = SessionsClient.layerConfigNoDeps.pipe(Layer.provide(logged), Layer.provide(NodeHttpClient.layerUndici))

Sessions.stream({ concurrency: 2 }).pipe(
  Stream.runCount,
  Effect.flatMap((count) => Console.log(`${count} sessions`)),
  Effect.provide(layer),
  NodeRuntime.runMain
)
