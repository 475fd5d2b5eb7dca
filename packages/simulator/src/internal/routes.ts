/**
 * The HTTP side of a simulator.
 */
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import { QueryErrors } from "@hb-sessions/core/QueryErrors"
import { ApiKeyAuth, InvalidKey, InvalidQuery, SessionsApi } from "@hb-sessions/core/SessionsApi"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { ServerResponse } from "node:http"
import type { Faults } from "../Faults.ts"
import type { Rng } from "../Rng.ts"
import { sessionStatuses } from "../SessionGenerator.ts"
import type { Stats } from "../Stats.ts"
import type { Variants } from "../Variants.ts"
import { servePage, type World } from "../World.ts"
import { type BrokenResponses, statsPath } from "./countingServer.ts"
import { faultAnswer, json } from "./faultAnswer.ts"

/** What a running simulator consists of; `faults` and `churn` can be replaced while it runs. */
export interface Parts {
  readonly world: World
  readonly variants: Partial<Variants>
  readonly stats: Stats
  readonly broken: BrokenResponses
  readonly apiKey: string
  /** Shortest and longest time until an answer, milliseconds. */
  readonly latency: readonly [number, number]
  readonly rng: Rng
  /** Whether the statistics are served. */
  readonly servesStats: boolean
  faults: Faults
  /** Runs with every request for a page. */
  churn: () => void
}

class Api extends SessionsApi.middleware(QueryErrors) {}

const LATENCY = 1

const handlers = (parts: Parts) =>
  HttpApiBuilder.group(Api, "sessions", (group) => {
    let requests = 0
    return group.handle(
      "list",
      Effect.fnUntraced(function* ({ query, request }) {
        const { page = 1, status } = query
        if (status !== undefined && !sessionStatuses.some((known) => known === status)) {
          const message = `Invalid query parameter status: expected one of ${sessionStatuses.join(", ")}`
          return yield* new InvalidQuery({ message })
        }
        parts.stats.countPage(page)
        const { faults } = parts
        const fault = faults.next({ page, status })
        const [low, high] = parts.latency
        const latency = low + (high - low) * parts.rng.fraction(requests++, LATENCY)
        const due = (yield* Clock.currentTimeMillis) + latency

        // The list is read in the middle of the exchange: the client's answer is old already when it gets there.
        if (latency > 0) yield* Effect.sleep(latency / 2)
        const answer = servePage(parts.world, query, parts.variants, () => parts.churn())
        const text = JSON.stringify(answer.body)
        const good = HttpServerResponse.text(text, { status: answer.status, contentType: CONTENT_TYPE })
        if (latency > 0) yield* Effect.sleep(Math.max(0, due - (yield* Clock.currentTimeMillis)))

        if (fault === undefined) return good
        parts.stats.countFault(fault)
        const response = NodeHttpServerRequest.toServerResponse(request)
        if (!(response instanceof ServerResponse)) return yield* Effect.die(new Error("served over HTTP/1.1 only"))
        if (fault === "reset" || fault === "truncate") parts.broken.add(response)
        return yield* faultAnswer(fault, { plan: faults.plan, good, body: Buffer.from(text), response })
      })
    )
  })

const CONTENT_TYPE = "application/json; charset=utf-8"

const auth = (apiKey: string) =>
  Layer.succeed(ApiKeyAuth, {
    ApiKeyAuth: (app, { credential }) =>
      Redacted.value(credential) === apiKey ? app : Effect.fail(new InvalidKey({ message: "Invalid API key" }))
  })

const notFound = HttpServerRequest.HttpServerRequest.pipe(
  Effect.map(({ method, url }) => json(404, { message: `Not found: ${method} ${url.split("?", 1)[0]}` }))
)

/** Every route of a simulator. */
export const routes = (parts: Parts) =>
  Layer.mergeAll(
    HttpApiBuilder.layer(Api).pipe(
      Layer.provide(handlers(parts)),
      Layer.provide([auth(parts.apiKey), QueryErrors.layer])
    ),
    HttpRouter.add("*", "/*", notFound),
    parts.servesStats
      ? HttpRouter.add(
          "GET",
          statsPath,
          Effect.sync(() => json(200, parts.stats.snapshot()))
        )
      : Layer.empty
  )
