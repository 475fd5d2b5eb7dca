/**
 * What operators and their machines ask: alive, ready, and the numbers.
 */
import * as Effect from "effect/Effect"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import type { IncomingMessage, ServerResponse } from "node:http"
import * as SteadyTime from "@hb-sessions/app-kit/SteadyTime"
import { pagePolicy } from "../routes/dashboard.ts"
import type { UsageReport } from "./UsageReport.ts"
import type { UpstreamAccount } from "../upstream/UpstreamAccount.ts"

/** What the admin listener asks the server. */
export interface AdminOptions {
  readonly accounts: { readonly all: () => ReadonlyArray<UpstreamAccount> }
  readonly usage: () => UsageReport
  readonly isDraining: () => boolean
  /** Whether the tokens can be believed. */
  readonly hasTokens: () => boolean
  /** The operator's view. */
  readonly view: Effect.Effect<string>
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
  const scope = yield* Effect.scope
  let isProbing = false

  /** The account that has not been asked for the longest; undefined where all were asked lately. */
  const longestUnasked = (now: number): UpstreamAccount | undefined => {
    const at = ({ health }: UpstreamAccount) => health.last()?.at ?? -Infinity
    const [first] = options.accounts
      .all()
      .filter((account) => now - at(account) >= BELIEVED)
      .toSorted((a, b) => at(a) - at(b))
    return first
  }

  /** Asks an account for its first page behind the scenes, unless all were asked lately. */
  const probe = Effect.gen(function* () {
    const account = longestUnasked(yield* SteadyTime.now)
    if (isProbing || account === undefined) return
    isProbing = true
    yield* account.client
      .getPageResponse({ page: 1 })
      .pipe(Effect.exit, Effect.ensuring(Effect.sync(() => (isProbing = false))), Effect.forkIn(scope))
  })

  const describe = ({ health, status }: UpstreamAccount) =>
    Effect.map(health.openFor, (open) => ({ ...status(), circuit: open === undefined ? "closed" : "open" }))

  // What the upstream does is no reason to take away servers that can answer from their caches.
  const ready = Effect.gen(function* () {
    if (options.isDraining()) return json(503, { status: "draining" })
    if (!options.hasTokens()) return json(503, { status: "tokens-unavailable" })
    yield* probe
    const all = options.accounts.all()
    const [first] = all
    if (first !== undefined && first.name === undefined) {
      return json(200, { status: "ready", upstream: yield* describe(first) })
    }
    const accounts = yield* Effect.forEach(all, (account) =>
      Effect.map(describe(account), (upstream) => [account.name, upstream] as const)
    )
    return json(200, { status: "ready", accounts: Object.fromEntries(accounts) })
  })

  const metrics = Effect.gen(function* () {
    yield* options.observe
    const body = yield* PrometheusMetrics.format()
    return { status: 200, contentType: "text/plain; version=0.0.4; charset=utf-8", body }
  })

  return (path: string): Effect.Effect<Reply> => {
    switch (path) {
      case "/":
        return Effect.map(options.view, (body) => ({ status: 200, contentType: "text/html; charset=utf-8", body }))
      case "/healthz":
        return Effect.succeed(json(200, { status: "ok" }))
      case "/readyz":
        return ready
      case "/metrics":
        return metrics
      case "/usage":
        return Effect.sync(() => json(200, options.usage()))
      default:
        return Effect.succeed(
          json(404, { message: "there is no such path; there are /, /healthz, /readyz, /metrics and /usage" })
        )
    }
  }
})

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
          "cache-control": "no-store",
          "content-security-policy": pagePolicy,
          "x-content-type-options": "nosniff",
          "referrer-policy": "no-referrer"
        })
        response.end(body)
      })
    )
  }
