/**
 * What the proxy serves, as an `HttpApi`: the vendor's endpoint and those beyond it.
 *
 * The schemas of the queries are the ones that requests are checked with; the OpenAPI document is made from them.
 */
import { Session } from "@hb-sessions/core/Session"
import { SessionPage } from "@hb-sessions/core/SessionPage"
import { listQuery, sessionsPath } from "@hb-sessions/core/SessionsApi"
import { ScanReport } from "@hb-sessions/core/ScanReport"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as HttpApiSecurity from "effect/http-api/HttpApiSecurity"
import * as OpenApi from "effect/http-api/OpenApi"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { mediaTypes } from "../http/ContentNegotiation.ts"
import { contentType, Problem } from "../http/Problem.ts"
import { eventsType } from "./events.ts"
import { csvQuery, listQuery as wholeListQuery, readQuery } from "./ReadQuery.ts"
import { StatsAnswer } from "./stats.ts"
import { columnsTrailer, completenessTrailer } from "./listTrailers.ts"

const problem = (status: number) => Problem.pipe(HttpApiSchema.asJson({ contentType }), HttpApiSchema.status(status))

/**
 * The tokens of clients, in either header; what can go wrong on every endpoint.
 *
 * @effect-expect-leaking HttpServerRequest | ParsedSearchParams | RouteContext
 */
class TokenAuth extends HttpApiMiddleware.Service<TokenAuth>()("@hb-sessions/proxy/Api/TokenAuth", {
  security: {
    token: HttpApiSecurity.apiKey({ key: "x-api-key", in: "header" }),
    bearer: HttpApiSecurity.bearer
  },
  error: [400, 401, 402, 403, 406, 408, 414, 417, 421, 429, 431, 500, 502, 503, 504, 505].map(problem)
}) {}

/** The body of a whole list in JSON. */
const WholeList = Schema.Struct({ sessions: Schema.Array(Session), report: ScanReport }).annotate({
  identifier: "WholeList"
})

/** Query parameters are text on the wire, so what they stand for is described here. */
const onTheWire: Record<string, object> = {
  page: { type: "integer", minimum: 1, default: 1 },
  limit: { type: "integer", minimum: 1 },
  since: { type: "string", examples: ["2026-01-31T00:00:00Z", "1769817600000"] },
  until: { type: "string", examples: ["2026-02-28T00:00:00Z", "1772236800000"] },
  columns: {
    type: "string",
    examples: ["id,status,createdAt", "id,sessionUrl,creditBreakdown.proxyDataCreditsUsed", "*"]
  }
}

type Operation = { readonly [key: string]: unknown }

const describeParameters = (operation: Operation): ReadonlyArray<unknown> => {
  const { parameters } = operation
  return (Array.isArray(parameters) ? parameters : []).map((parameter: unknown) =>
    Predicate.hasProperty(parameter, "name") && typeof parameter.name === "string"
      ? { ...parameter, schema: onTheWire[parameter.name] ?? ("schema" in parameter ? parameter.schema : {}) }
      : parameter
  )
}

const header = (description: string, schema: object = { type: "string" }) => ({ schema, required: true, description })

const everywhere = { "x-request-id": header("Id of the request; the client's own if it sent one") }

const later = { "retry-after": header("Seconds", { type: "integer", minimum: 1 }) }

const coded = {
  vary: header("The headers of requests on which the answer depends"),
  "content-encoding": {
    schema: { enum: ["zstd", "br", "gzip"] },
    description: "How the body is compressed; absent where it is not"
  }
}

const cached = {
  ...coded,
  etag: header("Tag of the body, for If-None-Match"),
  "cache-control": header("How long the client may use the answer"),
  age: header("Seconds since the upstream was asked", { type: "integer", minimum: 0 }),
  "cache-status": header("Whether the answer was kept (RFC 9211)")
}

const linked = {
  link: {
    schema: { type: "string" },
    description:
      "`first`, `prev`, `next` and `last` page (RFC 8288); left out where it would be longer than 2048 characters"
  }
}

const streamed = {
  ...coded,
  trailer: {
    schema: { type: "string", examples: [completenessTrailer, `${completenessTrailer}, ${columnsTrailer}`] },
    description:
      "Behind the body: `proven; certificate=…` or `unproven; reason=…`, and of CSV with columns outside the contract which of them no session had (`empty`), and which keys `*` does not include (`left-out`); `hb-sessions-resume` alone, a token, where a list with `resumable` was ended by a stop of the server; not to HTTP/1.0"
  }
}

interface Described {
  /** What the body of 200 is, if the schema does not say. */
  readonly contents?: Readonly<Record<string, object>>
  /** The headers of 200. */
  readonly headers: Readonly<Record<string, object>>
}

/** Headers that the answers have, and the answers that have no body. */
const describeAnswers = (operation: Operation, { contents, headers }: Described) => {
  const responses = Predicate.isObject(operation["responses"]) ? operation["responses"] : {}
  const described = Object.entries(responses).map(([status, response]: [string, unknown]) => [
    status,
    {
      ...(Predicate.isObject(response) ? response : {}),
      ...(status === "200" && contents !== undefined ? { content: contents } : {}),
      headers: {
        ...everywhere,
        ...(status === "200" ? headers : {}),
        ...(status === "429" || status === "503" ? later : {})
      }
    }
  ])
  const unchanged = {
    description: "The client has it already: If-None-Match names its ETag",
    headers: { ...everywhere, ...headers }
  }
  return { ...Object.fromEntries(described), ...("etag" in headers ? { "304": unchanged } : {}) }
}

const described = (summary: string, answers: Described) =>
  OpenApi.annotations({
    summary,
    transform: (operation) => ({
      ...operation,
      parameters: describeParameters(operation),
      responses: describeAnswers(operation, answers)
    })
  })

const text = { schema: { type: "string" } }
const ndjson = { [mediaTypes.ndjson]: text }
const csv = { [mediaTypes.csv]: text }
const json = { [mediaTypes.json]: { schema: { $ref: "#/components/schemas/WholeList" } } }

const list = HttpApiEndpoint.get("list", sessionsPath, { query: listQuery, success: SessionPage }).annotateMerge(
  described("One page, as the vendor answers it", { headers: { ...cached, ...linked } })
)

const notFound = { error: problem(404) }

const all = HttpApiEndpoint.get("all", "/v1/sessions", {
  query: csvQuery,
  success: WholeList,
  error: problem(409)
}).annotateMerge(
  described("Every session, in the format of Accept", { contents: { ...ndjson, ...csv, ...json }, headers: streamed })
)

const allNdjson = HttpApiEndpoint.get("allNdjson", "/v1/sessions.ndjson", {
  query: wholeListQuery,
  success: Schema.String,
  error: problem(409)
}).annotateMerge(
  described('Every session, a line each; the last line is {"report": …}', { contents: ndjson, headers: streamed })
)

const allCsv = HttpApiEndpoint.get("allCsv", "/v1/sessions.csv", {
  query: csvQuery,
  success: Schema.String,
  error: problem(409)
}).annotateMerge(described("Every session as CSV", { contents: csv, headers: streamed }))

const allJson = HttpApiEndpoint.get("allJson", "/v1/sessions.json", {
  query: wholeListQuery,
  success: WholeList,
  error: problem(409)
}).annotateMerge(described("Every session as one JSON document", { contents: json, headers: streamed }))

const one = HttpApiEndpoint.get("one", "/v1/sessions/:id", {
  params: { id: Schema.String.check(Schema.isPattern(/^[A-Za-z0-9._~-]{1,128}$/)) },
  success: Session,
  ...notFound
}).annotateMerge(described("One session, looked for in the list", { headers: cached }))

const stats = HttpApiEndpoint.get("stats", "/v1/stats", { query: readQuery, success: StatsAnswer }).annotateMerge(
  described("Summary statistics", { headers: cached })
)

const events = HttpApiEndpoint.get("events", "/v1/events", {
  headers: {
    "last-event-id": Schema.optionalKey(Schema.String).annotateKey({
      description: "Id of the last event that the client got, to get what came since; a snapshot if that is not kept"
    })
  },
  success: Schema.String
}).annotateMerge(
  described(
    "The active sessions as they change: server-sent events `snapshot` (all of them), `change` (`added`, `changed`, ids of `removed`) and `problem` (the upstream cannot be asked)",
    { contents: { [eventsType]: text }, headers: coded }
  )
)

/** The API of the proxy. */
export class Api extends HttpApi.make("hb-sessions-proxy")
  .add(HttpApiGroup.make("vendor").add(list.middleware(TokenAuth)))
  .add(
    HttpApiGroup.make("v1").add(
      all.middleware(TokenAuth),
      allNdjson.middleware(TokenAuth),
      allCsv.middleware(TokenAuth),
      allJson.middleware(TokenAuth),
      one.middleware(TokenAuth),
      stats.middleware(TokenAuth),
      events.middleware(TokenAuth)
    )
  )
  .annotateMerge(
    OpenApi.annotations({
      title: "hb-sessions-proxy",
      version: "1.0.0",
      description:
        "Hyperbrowser's sessions without the API key: the vendor's endpoint, and whole lists beyond it. Cache-Control of requests is obeyed: no-cache, max-age, min-fresh, max-stale, no-store, and only-if-cached, which gets 504 where nothing is kept. Answers are compressed by Accept-Encoding (zstd, br, gzip), except problems, pages that hold secrets, and with Cache-Control: no-transform."
    })
  ) {}

/** The OpenAPI document. */
export const openApi = () => OpenApi.fromApi(Api)
