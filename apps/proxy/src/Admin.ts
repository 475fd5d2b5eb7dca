/**
 * What operators and their machines ask: alive, ready, and the numbers.
 */
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import type { SessionsError } from "@hb-sessions/core/SessionsError"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import * as Semaphore from "effect/Semaphore"
import type { IncomingMessage, ServerResponse } from "node:http"
import { UpstreamHealth } from "./Upstream.ts"

/** What the admin listener asks the server. */
export interface AdminOptions {
  readonly isDraining: () => boolean
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
  const one = yield* Semaphore.make(1)

  /** Asks for the first page, unless somebody has asked lately. */
  const probe = one.withPermits(1)(
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const last = health.last()
      if (last !== undefined && now - last.at < BELIEVED) return last.error
      const exit = yield* Effect.exit(client.getPageResponse({ page: 1 }))
      return Exit.isSuccess(exit) ? undefined : (health.last()?.error ?? undefined)
    })
  )

  const ready = Effect.gen(function* () {
    if (options.isDraining()) return json(503, { status: "draining" })
    const error = yield* probe
    return error === undefined || isReachable(error)
      ? json(200, { status: "ready" })
      : json(503, { status: "upstream not usable", reason: error.reason._tag })
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
        return Effect.succeed(json(404, { message: "nothing is here; there are /healthz, /readyz and /metrics" }))
    }
  }
})

/** A server that refuses a request is reachable; one that refuses the key is of no use. */
const isReachable = ({ reason }: SessionsError): boolean =>
  reason._tag === "RateLimited" || reason._tag === "InvalidRequest"

/** Serves the answers over Node's server. */
export const handler =
  (answer: (path: string) => Effect.Effect<Reply>, run: (effect: Effect.Effect<void>) => void) =>
  (request: IncomingMessage, response: ServerResponse): void => {
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
