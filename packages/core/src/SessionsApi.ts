/**
 * The vendor's contract as an `HttpApi`: the one definition behind servers, the OpenAPI document and the client's types.
 *
 * Source: `GET /api/sessions` of the vendor's OpenAPI document, plus what the vendor's SDKs send and meet beyond it:
 * the query parameter `limit` and the statuses 401 and 429.
 */
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as HttpApiSecurity from "effect/http-api/HttpApiSecurity"
import * as OpenApi from "effect/http-api/OpenApi"
import { ErrorBody } from "./ErrorBody.ts"
import { SessionPage } from "./SessionPage.ts"
import { apiKeyHeader, listQuery, ListQuery, productionUrl, sessionsPath } from "./ListQuery.ts"

export {
  /** The header that carries the API key. */
  apiKeyHeader,
  /** The query parameters of the endpoint. */
  listQuery,
  /** Schema for the query of one request. */
  ListQuery,
  /** Where the vendor serves the API. */
  productionUrl,
  /** The path of the endpoint below the base URL. */
  sessionsPath
}

/** HTTP 400: a query parameter is not valid. */
export class InvalidQuery extends Schema.TaggedError<InvalidQuery>()("InvalidQuery", { message: Schema.String }) {}

/** HTTP 401: the API key is missing or rejected. */
export class InvalidKey extends Schema.TaggedError<InvalidKey>()("InvalidKey", { message: Schema.String }) {}

/** HTTP 429: too many requests. */
export class TooManyRequests extends Schema.TaggedError<TooManyRequests>()("TooManyRequests", {
  message: Schema.String
}) {}

/** HTTP 500: the server failed. */
export class ServerFailure extends Schema.TaggedError<ServerFailure>()("ServerFailure", { message: Schema.String }) {}

/** On the wire every error is an `ErrorBody`; its status tells which one it is. */
const asErrorBody = <
  Tag extends string,
  S extends Schema.Codec<unknown, { readonly _tag: Tag; readonly message: string }>
>(
  schema: S,
  options: { readonly tag: Tag; readonly status: number }
) =>
  ErrorBody.pipe(
    Schema.decodeTo(
      schema,
      SchemaTransformation.transform({
        decode: (body: ErrorBody): S["Encoded"] => ({ _tag: options.tag, message: body.message ?? "" }),
        encode: ({ message }: S["Encoded"]): ErrorBody => ({ message })
      })
    ),
    HttpApiSchema.status(options.status)
  )

const errors = {
  400: asErrorBody(InvalidQuery, { tag: "InvalidQuery", status: 400 }),
  401: asErrorBody(InvalidKey, { tag: "InvalidKey", status: 401 }),
  429: asErrorBody(TooManyRequests, { tag: "TooManyRequests", status: 429 }),
  500: asErrorBody(ServerFailure, { tag: "ServerFailure", status: 500 })
}

/** Schema for HTTP 400, for the middleware that rejects a query. */
export const invalidQueryError = errors[400]

const Parameters = Schema.Array(
  Schema.StructWithRest(Schema.Struct({ name: Schema.String }), [Schema.Record(Schema.String, Schema.Unknown)])
)

/** `GET /api/sessions`, without its security scheme: what a server with credentials of its own builds on. */
export const listSessions = HttpApiEndpoint.get("list", sessionsPath, {
  query: listQuery,
  success: SessionPage,
  error: [errors[400], errors[429], errors[500]]
}).annotateMerge(
  OpenApi.annotations({
    summary: "List sessions, one page a call",
    transform: describeQuery
  })
)

/** Query parameters are text on the wire, so their JSON types are written here. */
function describeQuery<Operation extends { readonly [key: string]: unknown }>(operation: Operation): Operation {
  const schemas: Record<string, object> = { page: { type: "number", default: 1 }, limit: { type: "number" } }
  const parameters = Schema.decodeUnknownSync(Parameters)(operation["parameters"])
  return {
    ...operation,
    parameters: parameters.map((parameter) => ({
      ...parameter,
      schema: schemas[parameter.name] ?? parameter["schema"]
    }))
  }
}

/** Checks the key in `x-api-key`; implemented by the servers. */
export class ApiKeyAuth extends HttpApiMiddleware.Service<ApiKeyAuth>()("@hb-sessions/core/SessionsApi/ApiKeyAuth", {
  security: { ApiKeyAuth: HttpApiSecurity.apiKey({ key: apiKeyHeader, in: "header" }) },
  error: errors[401]
}) {}

/** The vendor's API, as far as this project reads it. */
export class SessionsApi extends HttpApi.make("hyperbrowser-sessions")
  .add(HttpApiGroup.make("sessions").add(listSessions.middleware(ApiKeyAuth)))
  .annotateMerge(
    OpenApi.annotations({
      title: "Hyperbrowser API",
      version: "1.0.0",
      servers: [{ url: productionUrl, description: "Production server" }]
    })
  ) {}
