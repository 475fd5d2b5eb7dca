/**
 * The only way out: what is sent to the upstream, and what of its answers may be believed.
 */
import { limitBodies } from "@hb-sessions/core/limitBodies"
import { apiKeyHeader } from "@hb-sessions/core/SessionsApi"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Headers from "effect/http/Headers"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import type { Secrets } from "./KeyRedaction.ts"

/** The id of the request that is being answered; sent to the upstream as `x-request-id`. */
export const CurrentRequestId = Context.Reference<string | undefined>("@hb-sessions/proxy/CurrentRequestId", {
  defaultValue: () => undefined
})

/** Is told of each answer of the upstream whether it may be transformed (`Cache-Control: no-transform`). */
export const CurrentTransform = Context.Reference<((isAllowed: boolean) => void) | undefined>(
  "@hb-sessions/proxy/CurrentTransform",
  { defaultValue: () => undefined }
)

/** Everything that is ever sent, besides what the connection itself needs. Nothing of a client's request is among it. */
const ALLOWED = ["accept", apiKeyHeader] as const

/**
 * Puts the rules of the border around the `HttpClient` of the environment.
 *
 * **Details**
 *
 * Headers are built from a list, so that no header of a client, `Connection` above all, reaches the upstream. A page
 * that holds the upstream key in any spelling counts as a broken answer, and so does a body beyond the bound. Failures are not looked at here: core hides
 * the key in what it quotes, and so does `upstreamProblem`.
 */
export const layer = (secrets: Secrets, userAgent: string, maxBodyBytes: number) =>
  Layer.effect(
    HttpClient.HttpClient,
    Effect.map(HttpClient.HttpClient, (client) =>
      client.pipe(
        limitBodies(maxBodyBytes),
        HttpClient.mapRequestEffect((request) =>
          Effect.map(CurrentRequestId, (requestId) => withAllowedHeaders(request, userAgent, requestId))
        ),
        HttpClient.transform((execute, request) =>
          Effect.tap(Effect.tap(execute, noteTransform), (response) =>
            response.status === 200
              ? Effect.flatMap(response.arrayBuffer, (body) =>
                  secrets.isIn(new Uint8Array(body))
                    ? Effect.andThen(
                        Effect.logError("the upstream's response contains the API key, so it was not passed on"),
                        Effect.fail(keyInAnswer(request))
                      )
                    : Effect.void
                )
              : Effect.void
          )
        )
      )
    )
  )

const noteTransform = (response: HttpClientResponse.HttpClientResponse) =>
  Effect.map(CurrentTransform, (note) => note?.(!/\bno-transform\b/i.test(response.headers["cache-control"] ?? "")))

const withAllowedHeaders = (
  request: HttpClientRequest.HttpClientRequest,
  userAgent: string,
  requestId: string | undefined
): HttpClientRequest.HttpClientRequest => {
  const headers: Record<string, string> = { "user-agent": userAgent }
  for (const name of ALLOWED) {
    const value = request.headers[name]
    if (value !== undefined) headers[name] = value
  }
  if (requestId !== undefined) headers["x-request-id"] = requestId
  return HttpClientRequest.make("GET")(request.url, { urlParams: request.urlParams }).pipe(
    HttpClientRequest.setHeaders(Headers.fromInput(headers))
  )
}

const keyInAnswer = (request: HttpClientRequest.HttpClientRequest) =>
  new HttpClientError.HttpClientError({
    reason: new HttpClientError.TransportError({ request, description: "the answer is not usable" })
  })
