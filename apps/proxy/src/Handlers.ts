/**
 * Answers the endpoint from the upstream.
 */
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Effect from "effect/Effect"
import { Api } from "./Api.ts"
import { errorResponse } from "./errorResponse.ts"

/** The body of a page is passed on byte for byte; a failure becomes a status and a `{ "message" }` of its own. */
export const handlers = HttpApiBuilder.group(
  Api,
  "sessions",
  Effect.fnUntraced(function* (group) {
    const client = yield* SessionsClient
    return group.handle("list", ({ query }) =>
      client.getPageResponse(query).pipe(
        Effect.map(({ body, requestId }) =>
          HttpServerResponse.uint8Array(body, {
            contentType: "application/json; charset=utf-8",
            headers: requestId === undefined ? {} : { "x-request-id": requestId }
          })
        ),
        Effect.catchTag("SessionsError", (error) => Effect.succeed(errorResponse(error)))
      )
    )
  })
)
