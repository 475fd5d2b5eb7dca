/**
 * What clients may want of the cache: `Cache-Control` and `Pragma` of requests, over real sockets.
 */
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { anything, wishOf } from "../src/http/RequestCacheControl.ts"
import { createToken, eventually, get, serve, start, directory } from "./support/Proxy.ts"
import { join } from "node:path"

describe("the headers of a request", () => {
  const none = -1
  for (const [headers, expected] of [
    [{}, {}],
    [{ "cache-control": "" }, {}],
    [{ "cache-control": "private, foo=1" }, {}],
    [{ "cache-control": 'foo="no-cache, max-age=0"' }, {}],
    [{ "cache-control": "No-Cache" }, { maxAgeMillis: none }],
    [{ "cache-control": "max-age=60 , no-cache" }, { maxAgeMillis: none, maxStaleMillis: 0 }],
    [{ "cache-control": "max-age=0" }, { maxAgeMillis: none, maxStaleMillis: 0 }],
    [{ "cache-control": 'MAX-AGE="5"' }, { maxAgeMillis: 5000, maxStaleMillis: 0 }],
    [{ "cache-control": "max-age=60, max-age=5" }, { maxAgeMillis: 5000, maxStaleMillis: 0 }],
    [{ "cache-control": "max-age" }, { maxAgeMillis: none, maxStaleMillis: 0 }],
    [{ "cache-control": "max-age=-5" }, { maxAgeMillis: none, maxStaleMillis: 0 }],
    [{ "cache-control": "max-age=1e3" }, { maxAgeMillis: none, maxStaleMillis: 0 }],
    [{ "cache-control": "max-age=5, max-stale" }, { maxAgeMillis: 5000 }],
    [{ "cache-control": "max-age=5, max-stale=2" }, { maxAgeMillis: 5000, maxStaleMillis: 2000 }],
    [{ "cache-control": "min-fresh=2" }, { minFreshMillis: 2000, maxStaleMillis: 0 }],
    [{ "cache-control": "only-if-cached, no-store" }, { isOnlyKept: true, mayKeep: false }],
    [{ pragma: "no-cache" }, { maxAgeMillis: none }],
    [{ pragma: "x=1" }, {}],
    [
      { pragma: "no-cache", "cache-control": "max-age=9" },
      { maxAgeMillis: 9000, maxStaleMillis: 0 }
    ]
  ] as const) {
    it(`are read: ${JSON.stringify(headers)}`, () =>
      assert.deepStrictEqual(wishOf(headers), { ...anything, ...expected }))
  }
})

const simulated = <A, E>(
  options: Parameters<typeof Simulator.layer>[0],
  test: Effect.Effect<A, E, Simulator | Scope.Scope>
) => test.pipe(Effect.scoped, Effect.provide(Simulator.layer({ sessions: 30, seed: "wishes", ...options })))

/** Asks, and tells the status, how the answer came about, and whether the upstream was asked. */
const asking = Effect.fnUntraced(function* (args: ReadonlyArray<string>) {
  const simulator = yield* Simulator
  const proxy = yield* start(simulator, args)
  const ask = Effect.fnUntraced(function* (path: string, headers: Record<string, string> = {}) {
    const before = (yield* simulator.stats).requests
    const answer = yield* get(proxy.url + path, { headers: { ...proxy.auth, ...headers } })
    const isAsked = (yield* simulator.stats).requests > before
    const how = answer.headers
      .get("cache-status")
      ?.replace(/^hb-sessions-proxy; /, "")
      .replace(/; ttl=.*/, "")
    return { ...answer, seen: [answer.status, how, isAsked] }
  })
  return { ask, proxy, simulator }
})

const HIT = [200, "hit", false]
const RELOADED = [200, "fwd=request", true]
const MISS = [200, "fwd=miss", true]
const NOT_KEPT = [504, undefined, false]

describe("a client", () => {
  it.live("may want an answer that is not kept, only one that is, or one that is not kept afterwards", () =>
    simulated(
      {},
      Effect.gen(function* () {
        const { ask } = yield* asking(["--cache-fresh", "1h", "--rate", "0"])
        const { id } = JSON.parse((yield* ask("/api/sessions?page=3")).text).sessions[0]
        const cases = [
          [{ "cache-control": "no-cache" }, RELOADED],
          [{ "cache-control": "max-age=0" }, RELOADED],
          [{ "cache-control": "max-stale, no-cache" }, RELOADED],
          [{ pragma: "no-cache" }, RELOADED],
          [{ "cache-control": "min-fresh=7200" }, RELOADED],
          [{ pragma: "no-cache", "cache-control": "max-age=3600" }, HIT],
          [{ "cache-control": 'max-age=3600, foo="no-cache"' }, HIT],
          [{ "cache-control": "only-if-cached" }, HIT],
          [{ "cache-control": "no-store" }, HIT],
          [{ "cache-control": "only-if-cached, no-cache" }, NOT_KEPT],
          [{ "cache-control": "only-if-cached, min-fresh=7200" }, NOT_KEPT]
        ] as const
        for (const path of ["/api/sessions?page=1", `/v1/sessions/${id}`, "/v1/stats"]) {
          const missing = yield* ask(path, { "cache-control": "only-if-cached" })
          assert.deepStrictEqual([path, missing.seen], [path, NOT_KEPT])
          assert.strictEqual(JSON.parse(missing.text).type, "urn:hb-sessions-proxy:problem:not-cached")
          assert.deepStrictEqual([path, (yield* ask(path, { "cache-control": "no-store" })).seen], [path, MISS])
          const first = yield* ask(path)
          assert.deepStrictEqual([path, first.seen], [path, MISS], "what no-store fetched is not kept")
          assert.deepStrictEqual([path, (yield* ask(path)).seen], [path, HIT])
          for (const [headers, expected] of cases) {
            const { seen } = yield* ask(path, headers)
            assert.deepStrictEqual([path, headers, seen], [path, headers, expected])
          }
          const same = yield* ask(path, {
            "cache-control": "no-cache",
            "if-none-match": (yield* ask(path)).headers.get("etag") ?? ""
          })
          // A sum tells when its list was read.
          if (path !== "/v1/stats") assert.deepStrictEqual(same.seen, [304, "fwd=request", true])
        }
        const absent = "/v1/sessions/absent"
        const isAsked = (headers = {}) => Effect.map(ask(absent, headers), ({ seen }) => [seen[0], seen[2]])
        assert.deepStrictEqual(yield* isAsked(), [404, true])
        assert.deepStrictEqual(yield* isAsked(), [404, false])
        assert.deepStrictEqual(yield* isAsked({ "cache-control": "only-if-cached" }), [404, false])
        assert.deepStrictEqual(yield* isAsked({ "cache-control": "no-cache" }), [404, true])
        for (const path of ["/v1/sessions", "/v1/sessions.csv"]) {
          assert.deepStrictEqual((yield* ask(path, { "cache-control": "only-if-cached" })).seen, NOT_KEPT)
          assert.deepStrictEqual((yield* ask(path, { "cache-control": "no-cache" })).seen, [200, undefined, true])
        }
      })
    )
  )

  it.live("may say how old an answer may be, and wants none that is stale then", () =>
    simulated(
      {},
      Effect.gen(function* () {
        const { ask } = yield* asking(["--cache-fresh", "1s", "--cache-stale", "1h"])
        const path = "/api/sessions"
        const age = Effect.map(ask(path, { "cache-control": "only-if-cached" }), ({ headers }) => headers.get("age"))
        assert.deepStrictEqual((yield* ask(path)).seen, MISS)
        yield* eventually(age, (seconds) => Number(seconds) >= 2)
        // Too old for every client that limits the age; good enough for the others.
        assert.deepStrictEqual((yield* ask(path, { "cache-control": "only-if-cached, max-age=60" })).seen, NOT_KEPT)
        assert.deepStrictEqual(
          (yield* ask(path, { "cache-control": "only-if-cached, max-age=1, max-stale" })).seen,
          NOT_KEPT
        )
        assert.strictEqual(
          (yield* ask(path, { "cache-control": "only-if-cached, max-age=60, max-stale" })).seen[0],
          200
        )
        assert.deepStrictEqual((yield* ask(path, { "cache-control": "max-age=1" })).seen, RELOADED)
      })
    )
  )

  it.live("that reloads shares the fetch with others, and gets its failure; the others keep the old answer", () =>
    simulated(
      {},
      Effect.gen(function* () {
        const { ask, proxy, simulator } = yield* asking(["--cache-fresh", "1h", "--rate", "0"])
        const path = "/api/sessions"
        yield* ask(path)
        yield* simulator.setFaults({ script: [{ fault: "slow" }], slowBody: "3 seconds" })
        const { requests } = yield* simulator.stats
        const headers = { ...proxy.auth, "cache-control": "no-cache" }
        const answers = yield* Effect.forEach([1, 2, 3, 4, 5], () => get(proxy.url + path, { headers }), {
          concurrency: "unbounded"
        })
        assert.deepStrictEqual(
          answers.map(({ status }) => status),
          [200, 200, 200, 200, 200]
        )
        assert.strictEqual((yield* simulator.stats).requests, requests + 1)
        yield* simulator.setFaults({ script: [{ fault: "503" }] })
        assert.strictEqual((yield* ask(path, { "cache-control": "no-cache" })).status, 502)
        assert.deepStrictEqual((yield* ask(path)).seen, HIT)
      })
    )
  )

  it.live("that reloads does so within the rate of its token", () =>
    simulated(
      {},
      Effect.gen(function* () {
        const simulator = yield* Simulator
        const file = join(yield* directory, "tokens.json")
        const slow = yield* createToken(file, "slow", { rate: 0.1 })
        const proxy = yield* serve(simulator, file, ["--cache-fresh", "1h"])
        const headers = { "x-api-key": slow, "cache-control": "no-cache" }
        const { requests } = yield* simulator.stats
        const answers = yield* Effect.forEach([1, 2, 3], () => get(`${proxy.url}/api/sessions`, { headers }))
        assert.deepStrictEqual(
          answers.map(({ status }) => status),
          [200, 429, 429]
        )
        assert.strictEqual((yield* simulator.stats).requests, requests + 1)
      })
    )
  )
})
