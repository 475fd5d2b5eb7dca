/**
 * How apps talk to the API.
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as UndiciHttpClient from "@hb-sessions/core/UndiciHttpClient"
import type * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Tracer from "effect/Tracer"
import { subscribe, unsubscribe } from "node:diagnostics_channel"
import type { ClientRequest, IncomingMessage } from "node:http"
import { AppError, exitCodes } from "./AppError.ts"
import { makeNodeDispatcher } from "./NodeDispatcher.ts"
import { type Proxy, proxyFor, proxyRules } from "./ProxyRules.ts"

/** Node tells on it of each request that failed. */
const FAILURES = "http.client.request.error"

/** Makes a client that sends on the connections of some agents. */
type Make = (agents: NodeHttpClient.HttpAgent["Service"]) => Effect.Effect<HttpClient.HttpClient>

const makeAny: Make = (agents) => Effect.provideService(NodeHttpClient.makeNodeHttp, NodeHttpClient.HttpAgent, agents)

/** Where there is a tracer, it is told of each request. */
const makeReading: Make = (agents) =>
  Effect.map(makeAny(agents), (any) =>
    HttpClient.transform(UndiciHttpClient.make(makeNodeDispatcher(agents)), (send, request) =>
      Effect.flatMap(Tracer.Tracer, (tracer) => (tracer === Tracer.nativeTracer ? send : any.execute(request)))
    )
  )

/** Tells the failures of requests on connections that had been used before, and to which nothing was answered. */
const staleFailures = Effect.gen(function* () {
  const stale = new WeakSet<object>()
  const note = (message: unknown) => {
    const { error, request } = message as { error: Error; request: ClientRequest & { res?: IncomingMessage | null } }
    if (request.reusedSocket && (request.res ?? null) === null) stale.add(error)
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => subscribe(FAILURES, note)),
    () => Effect.sync(() => unsubscribe(FAILURES, note))
  )
  return ({ reason }: HttpClientError.HttpClientError): boolean =>
    reason._tag === "TransportError" &&
    reason.request.method === "GET" &&
    typeof reason.cause === "object" &&
    reason.cause !== null &&
    stale.has(reason.cause)
})

/** A client with kept-alive connections, and one that makes each request on a connection of its own. */
const pairOf = Effect.fnUntraced(function* (make: Make, options: NodeHttpClient.HttpAgentOptions) {
  return {
    kept: yield* Effect.flatMap(NodeHttpClient.makeAgent({ ...options, keepAlive: true }), make),
    fresh: yield* Effect.flatMap(NodeHttpClient.makeAgent({ ...options, keepAlive: false }), make)
  }
})

/** Node 22 learnt to send through a proxy in 22.21, Node 24 in 24.5. */
const canProxy = (version: string): boolean => {
  const [major = 0, minor = 0] = version.split(".").map(Number)
  return major === 22 ? minor >= 21 : major === 24 ? minor >= 5 : major > 24
}

const rejectOldNode = ({ variable }: Proxy) =>
  canProxy(process.versions.node)
    ? Effect.void
    : Effect.fail(
        new AppError({
          message: `${variable} is set, but Node ${process.versions.node} cannot send through a proxy; use Node 22.21 or newer, or 24.5 or newer`,
          exitCode: exitCodes.usage
        })
      )

const urlOf = (proxy: Proxy | undefined): string | undefined =>
  proxy === undefined ? undefined : Redacted.value(proxy.url)

const makeLayer = (make: Make): Layer.Layer<HttpClient.HttpClient, AppError | Config.ConfigError> =>
  Layer.effect(
    HttpClient.HttpClient,
    Effect.gen(function* () {
      const rules = yield* proxyRules
      const isStale = yield* staleFailures
      const direct = yield* pairOf(make, {})
      const any = rules.https ?? rules.http
      if (any !== undefined) yield* rejectOldNode(any)
      const proxyEnv = { http_proxy: urlOf(rules.http), https_proxy: urlOf(rules.https) }
      const proxied = any === undefined ? direct : yield* pairOf(make, { proxyEnv })
      return HttpClient.transform(direct.kept, (_, request) => {
        const isProxied = URL.canParse(request.url) && proxyFor(rules, new URL(request.url)) !== undefined
        const { fresh, kept } = isProxied ? proxied : direct
        return Effect.catchIf(kept.execute(request), isStale, () => fresh.execute(request))
      })
    })
  )

/**
 * Node's own HTTP client with kept-alive connections: it starts faster than `fetch` and follows no redirect.
 *
 * **Details**
 *
 * A server may close a kept connection at the moment when a request is sent on it. Such a request, a GET that failed on
 * a connection that had been used before and to which nothing was answered, is sent once more on a new one, before
 * anybody counts it as a failure.
 *
 * Obeys `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` of the process, in lower case first, by curl's rules. Fails with the
 * exit code of a usage error where a proxy cannot be used.
 */
export const layer = makeLayer(makeAny)

/** As `layer`, for a `SessionsClient`: only GET without a body, and each answer is read to its end before it is given. */
export const readingLayer = makeLayer(makeReading)

/** The name of an app, such as `hb-sessions/1.2.3`, as `user-agent`. */
const named = (userAgent: string) =>
  Layer.effect(
    HttpClient.HttpClient,
    Effect.map(HttpClient.HttpClient, HttpClient.mapRequest(HttpClientRequest.setHeader("user-agent", userAgent)))
  )

/** As `layer`, with the name of the app as `user-agent`, such as `hb-sessions/1.2.3`. */
export const layerAs = (userAgent: string) => Layer.provide(named(userAgent), layer)

/** As `readingLayer`, with the name of the app. */
export const readingLayerAs = (userAgent: string) => Layer.provide(named(userAgent), readingLayer)
