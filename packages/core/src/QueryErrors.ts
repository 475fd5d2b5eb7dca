/**
 * How a server that speaks the contract rejects a query that is not valid.
 */
import * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { firstProblem } from "./firstProblem.ts"
import { InvalidQuery, invalidQueryError } from "./SessionsApi.ts"

/** Answers a query that does not fit the contract with HTTP 400 and a message that names the parameter. */
export class QueryErrors extends HttpApiMiddleware.Service<QueryErrors>()("@hb-sessions/core/QueryErrors", {
  error: invalidQueryError
}) {
  static readonly layer: Layer.Layer<QueryErrors> = HttpApiMiddleware.layerSchemaErrorTransform(
    QueryErrors,
    (error) => {
      if (error.kind === "Body" || error.kind === "ResponseHeaders") return Effect.fail(error)
      const { detail, path } = firstProblem(error.cause.issue)
      return Effect.fail(new InvalidQuery({ message: `Invalid query parameter ${path}: ${detail}` }))
    }
  )
}
