/**
 * What is served without a token: the index, the OpenAPI document and its reader, and the dashboard, which asks for one.
 */
import * as HttpApiScalar from "effect/http-api/HttpApiScalar"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Exchange } from "../http/Exchange.ts"
import { Api, openApi } from "./Api.ts"
import * as Dashboard from "./dashboard.ts"
import { document } from "./document.ts"

const INDEX = `hb-sessions-proxy: Hyperbrowser's sessions without the API key

GET /api/sessions          one page, as the vendor answers it
GET /v1/sessions           every session: NDJSON, CSV or JSON by Accept
GET /v1/sessions.ndjson    ... or by suffix: .ndjson .csv .json
GET /v1/sessions/{id}      one session
GET /v1/stats              summary statistics
GET /v1/events             active sessions as they change: server-sent events
GET /dashboard             the sessions as a page, for holders of a token
GET /openapi.json          the description of all this
GET /docs                  the same, to read in a browser

Send a token of this proxy as x-api-key or as Authorization: Bearer.
`

/** The reader is one page with its script in it, and makes no request to another host. */
const DOCS_POLICY = [
  "default-src 'none'",
  "script-src 'unsafe-inline' 'unsafe-eval'",
  "style-src 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "worker-src blob:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'"
].join("; ")

const NO_POLICY = "default-src 'none'; frame-ancestors 'none'"

/** No font and no script from elsewhere; the favicon is the page's own. */
const scalar: HttpApiScalar.ScalarConfig = {
  withDefaultFonts: false,
  favicon: "data:,",
  theme: "default"
}

/** Makes the documents, by path. */
export const make = Effect.gen(function* () {
  const docs = yield* docsPage
  const dashboard = yield* Dashboard.make
  return new Map<string, (exchange: Exchange) => void>([
    ["/", document(INDEX, "text/plain; charset=utf-8", NO_POLICY)],
    ["/openapi.json", document(JSON.stringify(openApi()), "application/json; charset=utf-8", NO_POLICY)],
    ["/docs", document(docs, "text/html; charset=utf-8", DOCS_POLICY)],
    ...dashboard
  ])
})

/** Scalar comes as a route: it is asked for once, when the server starts. */
const docsPage = Effect.scoped(
  Effect.gen(function* () {
    const app = yield* HttpRouter.toHttpEffect(HttpApiScalar.layer(Api, { path: "/docs", scalar }))
    const response = yield* app.pipe(
      Effect.provideService(
        HttpServerRequest.HttpServerRequest,
        HttpServerRequest.fromWeb(new Request("http://localhost/docs"))
      )
    )
    return response.body._tag === "Uint8Array" ? new TextDecoder().decode(response.body.body) : ""
  })
).pipe(Effect.orDie, Effect.provide(Layer.empty))
