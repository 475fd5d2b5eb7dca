/**
 * What operators and their machines ask: alive, ready, and the numbers.
 */
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import type { SessionsError } from "@hb-sessions/core/SessionsError"
import * as Effect from "effect/Effect"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import type { IncomingMessage, ServerResponse } from "node:http"
import * as SteadyTime from "@hb-sessions/app-kit/SteadyTime"
import { UpstreamHealth } from "../upstream/Upstream.ts"

/** What the admin listener asks the server. */
export interface AdminOptions {
  readonly isDraining: () => boolean
  /** Whether the tokens can be believed. */
  readonly hasTokens: () => boolean
  /** Brings the gauges up to date. */
  readonly observe: Effect.Effect<void>
}

/** How long what is known of the upstream is believed, in milliseconds. */
const BELIEVED = 10_000

interface Reply {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

const json = (status: number, body: object): Reply => ({
  status,
  contentType: "application/json; charset=utf-8",
  body: `${JSON.stringify(body)}\n`
})

/** Makes the handler of the admin listener; `run` runs an effect to its end. */
export const make = Effect.fnUntraced(function* (options: AdminOptions) {
  const client = yield* SessionsClient
  const health = yield* UpstreamHealth
  const scope = yield* Effect.scope
  let isProbing = false

  /** Asks for the first page behind the scenes, unless a request was made lately. */
  const probe = Effect.gen(function* () {
    const now = yield* SteadyTime.now
    const last = health.last()
    if (isProbing || (last !== undefined && now - last.at < BELIEVED)) return
    isProbing = true
    yield* client
      .getPageResponse({ page: 1 })
      .pipe(Effect.exit, Effect.ensuring(Effect.sync(() => (isProbing = false))), Effect.forkIn(scope))
  })

  // What the upstream does is no reason to take away servers that can answer from their caches.
  const ready = Effect.gen(function* () {
    if (options.isDraining()) return json(503, { status: "draining" })
    if (!options.hasTokens()) return json(503, { status: "tokens-unavailable" })
    yield* probe
    const last = health.last()
    const open = yield* health.openFor
    return json(200, {
      status: "ready",
      upstream: {
        status: statusOf(last),
        ...(last?.error === undefined ? {} : { reason: last.error.reason._tag }),
        circuit: open === undefined ? "closed" : "open"
      }
    })
  })

  const metrics = Effect.gen(function* () {
    yield* options.observe
    const body = yield* PrometheusMetrics.format()
    return { status: 200, contentType: "text/plain; version=0.0.4; charset=utf-8", body }
  })

  return (path: string): Effect.Effect<Reply> => {
    switch (path) {
      case "/healthz":
        return Effect.succeed(json(200, { status: "ok" }))
      case "/readyz":
        return ready
      case "/metrics":
        return metrics
      default:
        return Effect.succeed(json(404, { message: "there is no such path; there are /healthz, /readyz and /metrics" }))
    }
  }
})

/** A server that rejects a request can be used; one that rejects the key cannot. */
export const statusOf = (
  last: { readonly error: SessionsError | undefined } | undefined
): "unknown" | "usable" | "failing" => {
  if (last === undefined) return "unknown"
  const tag = last.error?.reason._tag
  return tag === undefined || tag === "RateLimited" || tag === "InvalidRequest" ? "usable" : "failing"
}

/** Serves the answers over Node's server. */
export const handler =
  (
    answer: (path: string) => Effect.Effect<Reply>,
    run: (effect: Effect.Effect<void>) => void,
    isMeant: (request: IncomingMessage) => boolean
  ) =>
  (request: IncomingMessage, response: ServerResponse): void => {
    if (!isMeant(request)) {
      response.writeHead(421, { "content-type": "application/json; charset=utf-8", connection: "close" })
      response.end('{"message":"Host names another server; see --allowed-hosts"}\n')
      return
    }
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.writeHead(405, { allow: "GET, HEAD" }).end()
      return
    }
    const [path = ""] = (request.url ?? "").split("?", 1)
    run(
      Effect.map(answer(path), ({ body, contentType, status }) => {
        response.writeHead(status, {
          "content-type": contentType,
          "content-length": Buffer.byteLength(body),
          "cache-control": "no-store"
        })
        response.end(body)
      })
    )
  }
