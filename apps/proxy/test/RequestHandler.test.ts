/**
 * The request handler in this process, over a list in memory: what it rejects and in which order, limits, and formats.
 */
import { assert, describe, it } from "@effect/vitest"
import { SessionId, type Session } from "@hb-sessions/core/Session"
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import { Duration, Effect, Fiber, Redacted } from "effect"
import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { authenticator, generate, type TokenRecord } from "../src/access/Token.ts"
import { ByteCache } from "../src/cache/ByteCache.ts"
import type { CachedResponse } from "../src/cache/CachedResponse.ts"
import { failures, type LoadError } from "../src/cache/LoadError.ts"
import type { LogEntry } from "../src/http/LogEntry.ts"
import { Outbox } from "../src/http/Outbox.ts"
import * as RequestFiber from "../src/http/RequestFiber.ts"
import * as RequestHandler from "../src/http/RequestHandler.ts"
import * as KeyRedaction from "../src/upstream/KeyRedaction.ts"
import { Feeds } from "../src/watch/Feeds.ts"
import type { UpstreamAccount } from "../src/upstream/UpstreamAccount.ts"

const sessions: ReadonlyArray<Session> = Array.from({ length: 25 }, (_, index) => ({
  id: SessionId.make(`s${index}`),
  status: index % 2 === 0 ? "closed" : "active"
}))

const token = (settings: Partial<Pick<TokenRecord, "statuses" | "rate">> = {}) =>
  generate({ name: "team", scopes: ["read"], createdAt: 0, ...settings })

const all = token()
const closedOnly = token({ statuses: ["closed"] })
const slow = token({ rate: 0.5 })

/** Serves on a free port, with a limit of 100 requests a second unless said otherwise. */
const serving = Effect.fnUntraced(function* (options: Partial<RequestHandler.RequestHandlerOptions<LoadError>> = {}) {
  const client = yield* SessionsClient
  const context = yield* Effect.context<never>()
  const scope = yield* Effect.scope
  const cache = yield* ByteCache.make<CachedResponse, LoadError>(
    { fresh: "1 hour", staleWhileRevalidate: 0, staleIfError: 0, patience: 0, negative: "1 hour", maxBytes: 1e6 },
    failures
  )
  const upstreamKey = Redacted.make("some-long-key")
  const account: UpstreamAccount = {
    name: undefined,
    cacheScope: "",
    keyName: "HYPERBROWSER_API_KEY",
    secrets: KeyRedaction.make(() => [upstreamKey]),
    client,
    health: { last: () => undefined, openFor: Effect.undefined },
    digest: Effect.succeed,
    status: () => ({ status: "unknown" })
  }
  const run = (effect: Effect.Effect<void>) => Fiber.runIn(Effect.runForkWith(context)(effect), scope)
  const perform = RequestFiber.make({
    cache,
    feeds: new Feeds({ run, interval: Duration.minutes(1), longest: Duration.minutes(1) }),
    stopping: Effect.never,
    isStrict: false,
    pages: undefined,
    readConcurrency: 2,
    heartbeat: Duration.minutes(1),
    deadline: Duration.minutes(1),
    readTimeout: Duration.minutes(1)
  })
  const logged: Array<LogEntry> = []
  const { authenticate, standingOf } = authenticator({
    version: 1,
    tokens: [all.record, closedOnly.record, slow.record]
  })
  const handler = RequestHandler.make({
    tokens: { authenticate, standingOf, isOpen: false, isUsable: () => true },
    accounts: { find: (name) => (name === undefined ? account : undefined) },
    timeOfDay: () => 1,
    now: () => 1,
    isMeant: () => true,
    addressOf: () => "127.0.0.1",
    rate: 100,
    burst: 200,
    maxConcurrent: 16,
    maxStreams: 2,
    maxWatchers: 2,
    corsOrigins: new Set(),
    cache,
    log: (entry) => logged.push(entry),
    outbox: new Outbox(1e6, () => {}),
    documents: new Map(),
    run: (exchange, work, asked, onEnd) => RequestFiber.fork(exchange, run, perform(exchange, work, asked), onEnd),
    ...options
  })
  const server = yield* Effect.acquireRelease(
    Effect.promise(async () => {
      const listening = createServer(handler.handle).listen(0, "127.0.0.1")
      await once(listening, "listening")
      return listening
    }),
    (listening) =>
      Effect.sync(() => {
        listening.close()
        listening.closeAllConnections()
      })
  )
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const get = (path: string, key = all.token, init: RequestInit = {}) =>
    Effect.promise(async (signal) => {
      const response = await fetch(url + path, { signal, headers: key === "" ? {} : { "x-api-key": key }, ...init })
      const text = await response.text()
      const problem = response.ok ? undefined : String(JSON.parse(text).type).split(":").at(-1)
      return { status: response.status, headers: response.headers, text, problem }
    })
  return { get, logged, handler }
})

const inMemory = <A, E>(test: Effect.Effect<A, E, SessionsClient | import("effect").Scope.Scope>) =>
  test.pipe(Effect.scoped, Effect.provide(SessionsClient.layerMemory(sessions)))

describe("the request handler", () => {
  it.live("checks form, route, method, token, rate and query in this order", () =>
    inMemory(
      Effect.gen(function* () {
        const { get } = yield* serving()
        const post = { method: "DELETE" }
        for (const [path, key, init, problem] of [
          ["/a//b", "", post, "malformed-request"],
          ["/nowhere", "", post, "not-found"],
          ["/api/sessions?page=0", "", post, "method-not-allowed"],
          ["/api/sessions?page=0", "", {}, "unauthorized"],
          ["/api/sessions?page=0", all.token, {}, "invalid-parameter"],
          ["/v1/sessions?since=x", all.token, {}, "invalid-parameter"],
          ["/v1/sessions/s1?a=b", all.token, {}, "invalid-parameter"],
          ["/v1/sessions/s1000", all.token, {}, "not-found"]
        ] as const) {
          assert.strictEqual((yield* get(path, key, init)).problem, problem, path)
        }
        assert.strictEqual((yield* get("/api/sessions?page=0", slow.token)).problem, "invalid-parameter")
        assert.strictEqual((yield* get("/api/sessions?page=0", slow.token)).problem, "rate-limited")
      })
    )
  )

  it.live("answers a second request for the same page from the cache, however its query is written", () =>
    inMemory(
      Effect.gen(function* () {
        const { get, logged } = yield* serving()
        for (const query of ["?page=2&limit=5", "?limit=5&page=2", "?limit=%35&page=2"])
          yield* get(`/api/sessions${query}`)
        for (const path of ["/v1/stats", "/v1/stats", "/v1/sessions/s3", "/v1/sessions/s3"]) yield* get(path)
        assert.deepStrictEqual(
          logged.map(({ cache }) => cache),
          ["miss", "hit", "hit", "miss", "hit", "miss", "hit"]
        )
      })
    )
  )

  it.live("lets a token of some statuses see these only, by every route, whatever the cache holds", () =>
    inMemory(
      Effect.gen(function* () {
        const { get } = yield* serving()
        const paths = ["/api/sessions", "/v1/sessions", "/v1/stats"]
        for (const path of paths) {
          yield* get(path)
          yield* get(`${path}?status=active`)
          const whole = yield* get(path, closedOnly.token)
          assert.strictEqual(whole.problem, "status-not-allowed", path)
          assert.deepStrictEqual(JSON.parse(whole.text).allowedStatuses, ["closed"], path)
          const asked = yield* get(`${path}?status=active`, closedOnly.token)
          assert.strictEqual(asked.problem, "status-not-allowed", path)
          const { status, text } = yield* get(`${path}?status=closed`, closedOnly.token)
          assert.strictEqual(status, 200, path)
          assert.notInclude(text, '"active"', path)
        }
        assert.strictEqual((yield* get("/v1/sessions/s1")).status, 200)
        assert.strictEqual((yield* get("/v1/sessions/s1", closedOnly.token)).problem, "not-found")
        assert.strictEqual((yield* get("/v1/sessions/s2", closedOnly.token)).status, 200)
        const extra = yield* get("/api/sessions?status=closed&also=active", closedOnly.token)
        assert.strictEqual(extra.problem, "invalid-parameter")
      })
    )
  )

  it.live("writes a whole list in the format of its path or of Accept", () =>
    inMemory(
      Effect.gen(function* () {
        const { get } = yield* serving()
        const accept = (type: string) => ({ headers: { "x-api-key": all.token, accept: type } })
        assert.lengthOf((yield* get("/v1/sessions.ndjson")).text.trim().split("\n"), sessions.length + 1)
        assert.lengthOf((yield* get("/v1/sessions.csv")).text.trim().split("\r\n"), sessions.length + 1)
        assert.lengthOf(JSON.parse((yield* get("/v1/sessions.json")).text).sessions, sessions.length)
        const { headers } = yield* get("/v1/sessions", "", accept("text/csv"))
        assert.match(headers.get("content-type") ?? "", /^text\/csv/)
        assert.strictEqual((yield* get("/v1/sessions", "", accept("image/png"))).problem, "not-acceptable")
      })
    )
  )

  it.live("throttles an address that sends wrong tokens", () =>
    inMemory(
      Effect.gen(function* () {
        const { get } = yield* serving()
        const answers = yield* Effect.forEach(Array.from({ length: 11 }), () => get("/api/sessions", "wrong"))
        assert.deepStrictEqual(
          answers.map(({ problem }) => problem),
          [...Array.from({ length: 10 }, () => "unauthorized"), "too-many-failures"]
        )
        assert.strictEqual((yield* get("/api/sessions")).status, 200)
      })
    )
  )
})
