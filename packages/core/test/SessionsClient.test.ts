/**
 * The client against real sockets: what it sends, what it makes of every kind of answer, and what it never tells.
 */
import { assert, describe, it } from "@effect/vitest"
import { NodeHttpClient } from "@effect/platform-node"
import { Cause, ConfigProvider, Effect, Exit, Fiber, Layer, Metric, Redacted, References, Tracer } from "effect"
import { inspect } from "node:util"
import type { ListQuery } from "../src/SessionsApi.ts"
import { SessionsClient, type SessionsClientOptions } from "../src/SessionsClient.ts"
import type { SessionsError } from "../src/SessionsError.ts"
import { encodeSession } from "../src/SessionsNdjson.ts"
import { emptyPage, json, type Upstream, upstream } from "./upstream.ts"

const CANARY = "hb_canary_5f1c9e"

const quick = { retryBaseDelay: "1 millis", retryMaxDelay: "2 millis", retries: 2 } as const

const layerFor = ({ url }: Upstream, options: Partial<SessionsClientOptions> = {}) =>
  SessionsClient.layerNoDeps({ apiKey: Redacted.make(CANARY), baseUrl: url, ...quick, ...options }).pipe(
    Layer.provide(NodeHttpClient.layerUndici)
  )

const getPage = (server: Upstream, query: ListQuery = {}, options: Partial<SessionsClientOptions> = {}) =>
  SessionsClient.pipe(
    Effect.flatMap((client) => client.getPage(query)),
    Effect.provide(layerFor(server, options))
  )

const failure = (server: Upstream, options: Partial<SessionsClientOptions> = {}) =>
  Effect.flip(getPage(server, { page: 3 }, options))

describe("what is sent", () => {
  it.live("the key in x-api-key, and only the parameters that were given", () =>
    Effect.gen(function* () {
      const server = yield* upstream((response) => json(response, emptyPage))
      yield* getPage(server)
      yield* getPage(server, { page: 2, status: "active", limit: 50 })
      assert.deepStrictEqual(
        server.requests.map((request) => [request.method, request.url]),
        [
          ["GET", "/api/sessions"],
          ["GET", "/api/sessions?page=2&status=active&limit=50"]
        ]
      )
      for (const { headers } of server.requests) {
        assert.strictEqual(headers["x-api-key"], CANARY)
        assert.notProperty(headers, "traceparent")
        assert.notProperty(headers, "b3")
      }
    }).pipe(Effect.scoped)
  )

  it.live("parameters that the contract does not know, as often as they were given", () =>
    Effect.gen(function* () {
      const server = yield* upstream((response) => json(response, emptyPage))
      const query = { page: 2, team: ["a,b", "c d"], x: "" }
      yield* getPage(server, query)
      assert.strictEqual(server.requests[0]?.url, "/api/sessions?page=2&team=a%2Cb&team=c+d&x=")
    }).pipe(Effect.scoped)
  )

  it.live("below the path of the base URL", () =>
    Effect.gen(function* () {
      const server = yield* upstream((response) => json(response, emptyPage))
      yield* getPage(server, {}, { baseUrl: new URL("/hb/", server.url) })
      assert.strictEqual(server.requests[0]?.url, "/hb/api/sessions")
    }).pipe(Effect.scoped)
  )

  for (const key of ["", "two words", "line\nbreak", "schlüssel"]) {
    it.live(`nothing, when the key cannot stand in a header: ${JSON.stringify(key)}`, () =>
      Effect.gen(function* () {
        const server = yield* upstream((response) => json(response, emptyPage))
        const error = yield* failure(server, { apiKey: Redacted.make(key) })
        assert.strictEqual(error.reason._tag, "Unauthorized")
        assert.lengthOf(server.requests, 0)
      }).pipe(Effect.scoped)
    )
  }
})

describe("what is made of an answer", () => {
  const statuses = [
    [400, "InvalidRequest"],
    [401, "Unauthorized"],
    [402, "PaymentRequired"],
    [403, "Unauthorized"],
    [404, "UnexpectedResponse"],
    [302, "UnexpectedResponse"]
  ] as const
  for (const [status, tag] of statuses) {
    it.live(`HTTP ${status} is ${tag} and is not retried`, () =>
      Effect.gen(function* () {
        const server = yield* upstream((response) =>
          json(response, { message: "because" }, status, { "x-request-id": "req-1", location: "/elsewhere" })
        )
        const error = yield* failure(server)
        assert.strictEqual(error.reason._tag, tag)
        assert.isFalse(error.isRetryable)
        assert.strictEqual(error.page, 3)
        assert.strictEqual(error.requestId, "req-1")
        assert.match(error.message, /^page 3: .*because.*\[request id req-1\]$/)
        assert.lengthOf(server.requests, 1)
      }).pipe(Effect.scoped)
    )
  }

  for (const [status, tag] of [
    [408, "UpstreamUnavailable"],
    [429, "RateLimited"],
    [500, "UpstreamUnavailable"],
    [502, "UpstreamUnavailable"],
    [503, "UpstreamUnavailable"]
  ] as const) {
    it.live(`HTTP ${status} is ${tag} after all retries`, () =>
      Effect.gen(function* () {
        const server = yield* upstream((response) => json(response, { error: "busy" }, status))
        const error = yield* failure(server)
        assert.strictEqual(error.reason._tag, tag)
        assert.isTrue(error.isRetryable)
        assert.strictEqual("attempts" in error.reason ? error.reason.attempts : undefined, 3)
        assert.lengthOf(server.requests, 3)
      }).pipe(Effect.scoped)
    )

    it.live(`HTTP ${status} once does no harm`, () =>
      Effect.gen(function* () {
        const server = yield* upstream((response, _, n) =>
          n === 1 ? json(response, {}, status) : json(response, emptyPage)
        )
        assert.deepStrictEqual(yield* getPage(server), emptyPage)
        assert.lengthOf(server.requests, 2)
      }).pipe(Effect.scoped)
    )
  }

  const broken: Record<string, Parameters<typeof upstream>[0]> = {
    "a connection that is reset": (response) => response.destroy(),
    "a body cut short of its length": (response) => {
      response.writeHead(200, { "content-length": "1000" }).write('{"sessions":')
      setImmediate(() => response.destroy())
    },
    "a chunked body cut short": (response) => {
      response.writeHead(200).write('{"sessions":')
      setImmediate(() => response.destroy())
    },
    "a page of HTML": (response) => response.writeHead(200, { "content-type": "text/html" }).end("<h1>hi</h1>"),
    "an empty body": (response) => response.writeHead(200).end(),
    "no answer in time": () => {},
    "a body that stalls": (response) => response.writeHead(200).write('{"sessions":')
  }
  for (const [name, answer] of Object.entries(broken)) {
    it.live(`${name} is retried`, () =>
      Effect.gen(function* () {
        const server = yield* upstream((response, request, n) =>
          n === 1 ? answer(response, request, n) : json(response, emptyPage)
        )
        const page = yield* getPage(server, {}, { attemptTimeout: "200 millis" })
        assert.deepStrictEqual(page, emptyPage)
        assert.lengthOf(server.requests, 2)
      }).pipe(Effect.scoped)
    )
  }

  it.live("a connection that cannot be made is UpstreamUnavailable and names the cause, not the address", () =>
    Effect.gen(function* () {
      const closed = yield* Effect.scoped(upstream(() => {}))
      const { reason } = yield* failure(closed)
      assert.strictEqual(reason._tag, "UpstreamUnavailable")
      assert.deepInclude(reason, { kind: "network", attempts: 3, detail: "ECONNREFUSED" })
    })
  )

  it.live("an answer beyond the total time is UpstreamUnavailable", () =>
    Effect.gen(function* () {
      const server = yield* upstream(() => {})
      const { reason } = yield* failure(server, { totalTimeout: "100 millis" })
      assert.deepInclude(reason, { _tag: "UpstreamUnavailable", kind: "timeout", attempts: 1 })
    }).pipe(Effect.scoped)
  )

  it.live("JSON without rows is UnexpectedResponse with the path, and no value", () =>
    Effect.gen(function* () {
      const server = yield* upstream((response) => json(response, { ...emptyPage, totalCount: {}, sessions: "secret" }))
      const error = yield* failure(server)
      assert.deepInclude(error.reason, { _tag: "UnexpectedResponse", status: 200, path: "sessions" })
      assert.notInclude(inspect(error, { depth: 9 }), "secret")
      assert.lengthOf(server.requests, 1)
    }).pipe(Effect.scoped)
  )

  it.live("a value without a meaning is absent, noted and counted, and so is a row without an id", () =>
    Effect.gen(function* () {
      const rows = [{ id: "a" }, { id: "b", launchState: { useProxy: "maybe" } }, { status: "closed" }]
      const server = yield* upstream((response) => json(response, { ...emptyPage, totalCount: "3", sessions: rows }))
      const page = yield* getPage(server, { page: 4 })
      assert.deepStrictEqual<unknown>(page.sessions, [{ id: "a" }, { id: "b", launchState: {} }])
      assert.deepInclude(page, { totalCount: 3, ignoredValues: { "launchState.useProxy": 1 } })
      assert.deepStrictEqual(page.unreadableRows, [
        { page: 4, index: 2, path: "sessions[2].id", reason: "id-missing", row: { status: "closed" } }
      ])
      const counted = (yield* Metric.snapshot).map(({ attributes, id, state }) => [id, attributes, state])
      assert.deepInclude(counted, [
        "hb_sessions_values_ignored",
        { path: "launchState.useProxy" },
        { count: 1, incremental: true }
      ])
      assert.deepInclude(counted, [
        "hb_sessions_rows_unreadable",
        { reason: "id-missing" },
        { count: 1, incremental: true }
      ])
    }).pipe(Effect.scoped, Effect.provideService(Metric.MetricRegistry, new Map()))
  )

  it.live("numbers that JavaScript cannot hold are printed as they came", () =>
    Effect.gen(function* () {
      const row = '{"id":"a","bytes":9007199254740993}'
      const server = yield* upstream((response) => void response.end(`{"sessions":[${row}],"totalCount":1}`))
      const [session] = (yield* getPage(server)).sessions
      assert.isDefined(session)
      assert.strictEqual(session["bytes"], Number("9007199254740993"))
      assert.strictEqual(encodeSession(session), row)
    }).pipe(Effect.scoped)
  )

  it.live("with strict decoding JSON that is not a page of the contract is UnexpectedResponse with the path", () =>
    Effect.gen(function* () {
      const sessions = [{ id: "a" }, { id: "b", creditsUsed: "hb_secret_value" }]
      const server = yield* upstream((response) => json(response, { ...emptyPage, sessions }))
      const error = yield* failure(server, { decoding: "strict" })
      assert.deepInclude(error.reason, { _tag: "UnexpectedResponse", status: 200, path: "sessions[1].creditsUsed" })
      assert.notInclude(inspect(error, { depth: 9 }), "hb_secret_value")
      assert.lengthOf(server.requests, 1)
    }).pipe(Effect.scoped)
  )
})

describe("redirects", () => {
  it.live("are rejected by fetch too, so that the key stays with the server it was meant for", () =>
    Effect.gen(function* () {
      const other = yield* upstream((response) => json(response, emptyPage))
      const server = yield* upstream((response) => response.writeHead(307, { location: other.url.href }).end())
      const error = yield* SessionsClient.pipe(
        Effect.flatMap((client) => client.getPage({})),
        Effect.flip,
        Effect.provide(SessionsClient.layer({ apiKey: Redacted.make(CANARY), baseUrl: server.url }))
      )
      assert.strictEqual(error.reason._tag, "UnexpectedResponse")
      assert.lengthOf(other.requests, 0)
    }).pipe(Effect.scoped)
  )
})

describe("interruption", () => {
  it.live("closes the connection of the request in flight", () =>
    Effect.gen(function* () {
      const server = yield* upstream(() => {})
      const fiber = yield* Effect.forkChild(getPage(server))
      yield* until(() => server.requests.length === 1)
      yield* Fiber.interrupt(fiber)
      yield* until(() => server.aborted.length === 1)
    }).pipe(Effect.scoped)
  )
})

describe("the key", () => {
  it.live("is in no error, log, span, inspection or stack, although the server echoes it", () =>
    Effect.gen(function* () {
      const answers = [
        (response: Parameters<typeof json>[0]) => json(response, { message: `no such key: ${CANARY}` }, 401),
        (response: Parameters<typeof json>[0]) => json(response, { error: { message: CANARY } }, 500),
        (response: Parameters<typeof json>[0]) => json(response, {}, 403, { "x-request-id": `of ${CANARY}` }),
        (response: Parameters<typeof json>[0]) => json(response, { sessions: 1 }, 200, { "request-id": CANARY }),
        (response: Parameters<typeof json>[0]) => response.destroy()
      ]
      for (const answer of answers) {
        const server = yield* upstream(answer)
        const spans: Array<unknown> = []
        const logs: Array<unknown> = []
        const tracer = Tracer.make({
          span(options) {
            const span = new Tracer.NativeSpan(options)
            spans.push(span)
            return span
          }
        })
        const exit = yield* getPage(server).pipe(
          Effect.tapError((error) => Effect.logError("failed", error)),
          Effect.exit,
          Effect.withTracer(tracer),
          Effect.provideService(
            References.CurrentLoggers,
            new Set([{ log: (entry: unknown) => logs.push(entry) } as never])
          )
        )
        assert.isTrue(Exit.isFailure(exit))
        if (!Exit.isFailure(exit)) continue
        const error = Cause.squash(exit.cause) as SessionsError
        const everything = [
          inspect(exit, { depth: 12, showHidden: true }),
          JSON.stringify(exit),
          Cause.pretty(exit.cause),
          String(error),
          error.stack,
          error.message,
          inspect(spans, { depth: 12, showHidden: true }),
          inspect(logs, { depth: 12, showHidden: true }),
          inspect(layerFor(server), { depth: 12 })
        ].join("\n")
        assert.isAbove(spans.length, 0)
        assert.isAbove(logs.length, 0)
        assert.notInclude(everything, CANARY)
      }
    }).pipe(Effect.scoped)
  )
})

describe("layerConfig", () => {
  const withEnv = (env: Record<string, string>) =>
    SessionsClient.pipe(
      Effect.flatMap((client) => client.getPage({})),
      Effect.provide(
        SessionsClient.layerConfig.pipe(Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env }))))
      )
    )

  it.live("reads the key and the base URL, and drops a line break after the key", () =>
    Effect.gen(function* () {
      const server = yield* upstream((response) => json(response, emptyPage))
      yield* withEnv({ HYPERBROWSER_API_KEY: `${CANARY}\n`, HYPERBROWSER_BASE_URL: server.url.href })
      assert.strictEqual(server.requests[0]?.headers["x-api-key"], CANARY)
    }).pipe(Effect.scoped)
  )

  for (const [name, env] of Object.entries({
    HYPERBROWSER_API_KEY: {},
    HYPERBROWSER_BASE_URL: { HYPERBROWSER_API_KEY: CANARY, HYPERBROWSER_BASE_URL: "ftp://example.org" },
    HB_SESSIONS_RETRIES: { HYPERBROWSER_API_KEY: CANARY, HB_SESSIONS_RETRIES: "-1" },
    HB_SESSIONS_ATTEMPT_TIMEOUT: { HYPERBROWSER_API_KEY: CANARY, HB_SESSIONS_ATTEMPT_TIMEOUT: "soon" }
  })) {
    it.live(`names ${name} when it is missing or malformed`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(withEnv(env as Record<string, string>))
        assert.strictEqual(error._tag, "ConfigError")
        assert.include(error.message, name)
        assert.notInclude(inspect(error, { depth: 12 }), CANARY)
      })
    )
  }
})

/** Waits, without a bound of its own, until something that another process or socket causes has happened. */
const until = (condition: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => (condition() ? Effect.void : Effect.delay(until(condition), "5 millis")))
