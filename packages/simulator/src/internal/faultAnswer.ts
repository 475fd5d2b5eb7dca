/**
 * What a client gets to see of each fault.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Stream from "effect/Stream"
import type { ServerResponse } from "node:http"
import type { FaultKind, FaultPlan } from "../Faults.ts"

/** The answer in JSON. */
export const json = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  HttpServerResponse.text(JSON.stringify(body), { status, headers, contentType: "application/json; charset=utf-8" })

/** An exchange that is to fail. */
export interface FailingExchange {
  readonly plan: FaultPlan
  /** The answer that the request would have got. */
  readonly good: HttpServerResponse.HttpServerResponse
  /** The body of `good`. */
  readonly body: Uint8Array
  readonly response: ServerResponse
}

/** The answer of a fault; it never comes where the fault is that none comes, until the connection is closed. */
export const faultAnswer = (
  fault: FaultKind,
  exchange: FailingExchange
): Effect.Effect<HttpServerResponse.HttpServerResponse> => {
  switch (fault) {
    case "429":
      return Effect.succeed(tooManyRequests(String(retryAfterSeconds(exchange.plan))))
    case "429-date":
      return Effect.map(Clock.currentTimeMillis, (now) =>
        tooManyRequests(new Date(Math.ceil(now / 1000 + retryAfterSeconds(exchange.plan)) * 1000).toUTCString())
      )
    case "500":
      return Effect.succeed(json(500, { message: "Internal server error" }))
    case "502":
      return Effect.succeed(json(502, { message: "Bad gateway" }))
    case "503":
      return Effect.succeed(json(503, { message: "Service unavailable" }))
    case "html":
      return Effect.succeed(HttpServerResponse.text(HTML, { contentType: "text/html; charset=utf-8" }))
    case "wrong-json":
      return Effect.succeed(json(200, { sessions: { error: "not a list" }, totalCount: "many" }))
    case "invalid-json":
      return Effect.succeed(
        HttpServerResponse.text(`{"sessions":[{"id":`, { contentType: "application/json; charset=utf-8" })
      )
    case "empty":
      return Effect.succeed(HttpServerResponse.text("", { contentType: "application/json; charset=utf-8" }))
    case "hang":
      return Effect.never
    case "reset":
      return Effect.andThen(
        Effect.sync(() => exchange.response.socket?.resetAndDestroy()),
        Effect.never
      )
    case "truncate":
      return Effect.andThen(truncate(exchange), Effect.never)
    case "slow":
      return Effect.succeed(slow(exchange))
  }
}

const HTML = "<!doctype html><html><head><title>Just a moment...</title></head><body><h1>Checking</h1></body></html>\n"

const retryAfterSeconds = (plan: FaultPlan): number => Math.ceil(Duration.toSeconds(plan.retryAfter ?? "1 second"))

const tooManyRequests = (retryAfter: string) =>
  json(429, { message: "Too many requests" }, { "retry-after": retryAfter })

/** Announces the whole body, sends half of it and ends the connection. */
const truncate = ({ good, body, response }: FailingExchange): Effect.Effect<void> =>
  Effect.sync(() => {
    response.writeHead(good.status, { ...good.headers })
    response.write(body.subarray(0, body.length >> 1), () => response.socket?.destroySoon())
  })

const PIECES = 8

const slow = ({ plan, good, body }: FailingExchange): HttpServerResponse.HttpServerResponse => {
  const size = Math.max(1, Math.ceil(body.length / PIECES))
  const pieces = Stream.range(0, PIECES - 1).pipe(
    Stream.rechunk(1),
    Stream.mapEffect((piece) =>
      Effect.as(
        Effect.sleep(Duration.toMillis(plan.slowBody ?? "1 second") / PIECES),
        body.subarray(piece * size, (piece + 1) * size)
      )
    ),
    Stream.filter((bytes) => bytes.length > 0)
  )
  return HttpServerResponse.stream(pieces, {
    status: good.status,
    headers: good.headers,
    contentType: "application/json; charset=utf-8",
    contentLength: body.length
  })
}
