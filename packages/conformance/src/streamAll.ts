/**
 * Reads the list that the environment names by `Sessions.stream`, over real connections, and prints how many sessions came.
 */
import * as Sessions from "@hb-sessions/core/Sessions"
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import * as UndiciHttpClient from "@hb-sessions/core/UndiciHttpClient"
import { Effect, Layer, Stream } from "effect"
import { Agent } from "undici"

const agent = new Agent({ connections: 16 })
const sessions = Stream.runCount(Sessions.stream({ concurrency: 16, pageSize: 100 }))
const client = Layer.provide(SessionsClient.layerConfigNoDeps, UndiciHttpClient.layer(agent))
console.log(await Effect.runPromise(Effect.provide(sessions, client)))
await agent.close()
