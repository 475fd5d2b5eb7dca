/**
 * How apps talk to the API.
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as Layer from "effect/Layer"
import { subscribe, unsubscribe } from "node:diagnostics_channel"
import type { ClientRequest, IncomingMessage } from "node:http"

/** Node tells on it of each request that failed. */
const FAILURES = "http.client.request.error"

/**
 * Node's own HTTP client with kept-alive connections: it starts faster than `fetch` and follows no redirect.
 *
 * **Details**
 *
 * A server may close a kept connection at the moment when a request is sent on it. Such a request, a GET that failed on
 * a connection that had been used before and to which nothing was answered, is sent once more on a new one, before
 * anybody counts it as a failure.
 */
export const layer: Layer.Layer<HttpClient.HttpClient> = Layer.effect(
  HttpClient.HttpClient,
  Effect.gen(function* () {
    const client = (keepAlive: boolean) =>
      Effect.flatMap(NodeHttpClient.makeAgent({ keepAlive }), (agent) =>
        Effect.provideService(NodeHttpClient.makeNodeHttp, NodeHttpClient.HttpAgent, agent)
      )
    const kept = yield* client(true)
    const fresh = yield* client(false)
    const stale = new WeakSet<object>()
    const note = (message: unknown) => {
      const { error, request } = message as { error: Error; request: ClientRequest & { res?: IncomingMessage | null } }
      if (request.reusedSocket && (request.res ?? null) === null) stale.add(error)
    }
    yield* Effect.acquireRelease(
      Effect.sync(() => subscribe(FAILURES, note)),
      () => Effect.sync(() => unsubscribe(FAILURES, note))
    )
    const isStale = ({ reason }: HttpClientError.HttpClientError): boolean =>
      reason._tag === "TransportError" &&
      reason.request.method === "GET" &&
      typeof reason.cause === "object" &&
      reason.cause !== null &&
      stale.has(reason.cause)
    return HttpClient.transform(kept, (send, request) => Effect.catchIf(send, isStale, () => fresh.execute(request)))
  })
)
