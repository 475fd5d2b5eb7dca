/**
 * Load, outages and hostile neighbours, over real sockets.
 */
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { connect } from "node:net"
import { aborter, createTokenByCommand, eventually, get, start } from "./support/Proxy.ts"

const simulated = <A, E>(
  options: Parameters<typeof Simulator.layer>[0],
  test: Effect.Effect<A, E, Simulator | import("effect").Scope.Scope>
) => test.pipe(Effect.scoped, Effect.provide(Simulator.layer({ sessions: 100, seed: "guard", ...options })))

/** `fetch` itself adds `no-cache` to `If-None-Match`, unless something else is said. */
const ANY_AGE = { "cache-control": "max-stale" }

describe("the cache", () => {
  it.live("shares one upstream call among clients that ask at the same time, and one that leaves ends nothing", () =>
    simulated(
      { latency: "500 millis" },
      Effect.gen(function* () {
        const simulator = yield* Simulator
        const proxy = yield* start(simulator)
        const first = aborter()
        const leaving = fetch(`${proxy.url}/api/sessions`, { headers: proxy.auth, signal: first.signal }).catch(
          () => {}
        )
        yield* eventually(simulator.stats, ({ inFlight }) => inFlight === 1)
        const others = Effect.forEach(
          [1, 2, 3, 4, 5],
          () => get(`${proxy.url}/api/sessions`, { headers: proxy.auth }),
          {
            concurrency: "unbounded"
          }
        )
        setTimeout(() => first.abort(), 100)
        const answers = yield* others
        yield* Effect.promise(() => leaving)
        assert.deepStrictEqual([...new Set(answers.map(({ status }) => status))], [200])
        assert.include(answers[0]?.headers.get("cache-status") ?? "", "collapsed")
        const { aborted, requests } = yield* simulator.stats
        assert.deepStrictEqual({ aborted, requests }, { aborted: 0, requests: 1 })
      })
    )
  )

  it.live("aborts the upstream call when all clients have left", () =>
    simulated(
      { latency: "20 seconds" },
      Effect.gen(function* () {
        const simulator = yield* Simulator
        const proxy = yield* start(simulator)
        const controller = aborter()
        const leaving = [1, 2].map(() =>
          fetch(`${proxy.url}/api/sessions`, { headers: proxy.auth, signal: controller.signal }).catch(() => {})
        )
        yield* eventually(simulator.stats, ({ inFlight }) => inFlight === 1)
        controller.abort()
        yield* Effect.promise(() => Promise.all(leaving))
        yield* eventually(simulator.stats, ({ aborted, inFlight }) => aborted === 1 && inFlight === 0)
      })
    )
  )

  it.live("answers 304 to a client that has the bytes, weakly or strongly, and to none without a token", () =>
    simulated(
      {},
      Effect.gen(function* () {
        const simulator = yield* Simulator
        const proxy = yield* start(simulator, ["--cache-fresh", "1m"])
        const first = yield* get(`${proxy.url}/api/sessions`, { headers: proxy.auth })
        const etag = first.headers.get("etag") ?? ""
        assert.match(etag, /^"[A-Za-z0-9_-]{27}(?:-[\w.]+)?"$/)
        assert.match(first.headers.get("cache-control") ?? "", /^private, max-age=\d+$/)
        for (const tag of [etag, `W/${etag}`, `"x", ${etag}`, "*"]) {
          const { headers, status, text } = yield* get(`${proxy.url}/api/sessions`, {
            headers: { ...proxy.auth, "if-none-match": tag, ...ANY_AGE }
          })
          assert.deepStrictEqual([status, text, headers.get("etag")], [304, "", etag])
          assert.match(headers.get("cache-status") ?? "", /^hb-sessions-proxy; hit; ttl=\d+$/)
          assert.isNotNull(headers.get("age"))
        }
        const other = yield* get(`${proxy.url}/api/sessions`, {
          headers: { ...proxy.auth, "if-none-match": '"x"', ...ANY_AGE }
        })
        assert.strictEqual(other.text, first.text)
        const stranger = yield* get(`${proxy.url}/api/sessions`, { headers: { "if-none-match": "*" } })
        assert.strictEqual(stranger.status, 401)
        assert.strictEqual((yield* simulator.stats).requests, 1)
      })
    )
  )

  it.live("says how old an answer is beside a constant max-age, so that its age is not counted twice", () =>
    simulated(
      {},
      Effect.gen(function* () {
        const proxy = yield* start(yield* Simulator, ["--cache-fresh", "2s", "--cache-stale", "1m"])
        const ask = Effect.map(get(`${proxy.url}/api/sessions`, { headers: proxy.auth }), ({ headers }) => ({
          maxAge: headers.get("cache-control"),
          age: Number(headers.get("age")),
          isStale: headers.get("cache-status")?.includes("stale") ?? false
        }))
        assert.deepInclude(yield* ask, { maxAge: "private, max-age=2", age: 0 })
        assert.deepInclude(yield* eventually(ask, ({ age }) => age > 0), { maxAge: "private, max-age=2" })
        // What the proxy takes for stale is stale by what it says.
        const stale = yield* eventually(ask, ({ isStale }) => isStale)
        assert.strictEqual(stale.maxAge, "private, max-age=2")
        assert.isAtLeast(stale.age, 2)
      })
    )
  )

  it.live("gives the old answer at once while it asks, and while the upstream is down", () =>
    simulated(
      {},
      Effect.gen(function* () {
        const simulator = yield* Simulator
        const proxy = yield* start(simulator, [
          "--cache-fresh",
          "200ms",
          // A busy machine takes its time to ask again.
          "--cache-stale",
          "3s",
          "--cache-error",
          "1m"
        ])
        const ask = get(`${proxy.url}/api/sessions`, { headers: proxy.auth })
        const first = yield* ask
        yield* simulator.mutate("start")
        yield* Effect.sleep("250 millis")
        const stale = yield* ask
        assert.strictEqual(stale.text, first.text)
        assert.include(stale.headers.get("cache-status") ?? "", "stale-while-revalidate")
        const fresh = yield* eventually(ask, ({ text }) => text !== first.text)
        yield* simulator.setFaults({ rates: { "503": 1 } })
        yield* Effect.sleep("3500 millis")
        const saved = yield* ask
        assert.strictEqual(saved.status, 200)
        assert.strictEqual(JSON.parse(saved.text).totalCount, JSON.parse(fresh.text).totalCount)
        assert.include(saved.headers.get("cache-status") ?? "", "stale-if-error")
        const other = yield* get(`${proxy.url}/api/sessions?page=2`, { headers: proxy.auth })
        assert.strictEqual(other.status, 502)
      })
    )
  )
})

describe("limits", () => {
  it.live("are each token's own, and told in every answer", () =>
    simulated(
      {},
      Effect.gen(function* () {
        const proxy = yield* start(yield* Simulator, ["--rate", "1", "--burst", "3"])
        const other = yield* createTokenByCommand(proxy.tokensFile, "other", "--rate", "50")
        yield* Effect.sleep("1 second")
        const answers = yield* Effect.forEach(Array.from({ length: 5 }), () =>
          get(`${proxy.url}/api/sessions`, { headers: proxy.auth })
        )
        assert.deepStrictEqual(
          answers.map(({ status }) => status),
          [200, 200, 200, 429, 429]
        )
        const [first] = answers
        assert.strictEqual(first?.headers.get("ratelimit-policy"), '"token";q=3;w=3')
        assert.strictEqual(first?.headers.get("ratelimit"), '"token";r=2;t=1')
        const rejected = answers.at(-1)
        assert.strictEqual(rejected?.headers.get("retry-after"), "1")
        assert.match(JSON.parse(rejected?.text ?? "").type, /rate-limited$/)
        assert.strictEqual((yield* get(`${proxy.url}/api/sessions`, { headers: { "x-api-key": other } })).status, 200)
        yield* Effect.sleep("1100 millis")
        assert.strictEqual((yield* get(`${proxy.url}/api/sessions`, { headers: proxy.auth })).status, 200)
      })
    )
  )

  it.live("shed what would wait too long, and leave the cache to all", () =>
    simulated(
      {},
      Effect.gen(function* () {
        const simulator = yield* Simulator
        const proxy = yield* start(simulator, ["--max-concurrent", "2", "--max-streams", "1", "--cache-fresh", "1m"])
        yield* get(`${proxy.url}/api/sessions`, { headers: proxy.auth })
        yield* simulator.setFaults({ rates: { hang: 1 } })
        const controller = aborter()
        const hung = ["/api/sessions?page=2", "/api/sessions?page=3", "/v1/stats"].map((path) =>
          fetch(proxy.url + path, { headers: proxy.auth, signal: controller.signal }).catch(() => {})
        )
        yield* eventually(simulator.stats, ({ inFlight }) => inFlight === 3)
        for (const path of ["/api/sessions?page=4", "/v1/sessions"]) {
          const { headers, status, text } = yield* get(proxy.url + path, { headers: proxy.auth })
          assert.strictEqual(status, 503)
          assert.strictEqual(headers.get("retry-after"), "1")
          assert.match(JSON.parse(text).type, /overloaded$/)
        }
        assert.strictEqual((yield* get(`${proxy.url}/api/sessions`, { headers: proxy.auth })).status, 200)
        controller.abort()
        yield* Effect.promise(() => Promise.all(hung))
        yield* simulator.setFaults({})
        const after = get(`${proxy.url}/api/sessions?page=4`, { headers: proxy.auth })
        yield* eventually(after, ({ status }) => status === 200)
      })
    )
  )

  it.live("give up on an upstream that hangs, in time and with a status", () =>
    simulated(
      { faults: { rates: { hang: 1 } } },
      Effect.gen(function* () {
        const simulator = yield* Simulator
        const proxy = yield* start(simulator, ["--deadline", "300ms", "--read-timeout", "300ms"])
        for (const path of ["/api/sessions", "/v1/sessions", "/v1/stats"]) {
          const { status, text } = yield* get(proxy.url + path, { headers: proxy.auth })
          assert.strictEqual(status, 504)
          assert.isString(JSON.parse(text).message)
        }
        yield* eventually(simulator.stats, ({ inFlight }) => inFlight === 0)
      })
    )
  )

  it.live("open the circuit to an upstream that failed several times, and try it again later", () =>
    simulated(
      { faults: { rates: { "500": 1 } } },
      Effect.gen(function* () {
        const simulator = yield* Simulator
        const proxy = yield* start(simulator, ["--breaker-failures", "3", "--breaker-open", "1s"])
        const ask = get(`${proxy.url}/api/sessions`, { headers: proxy.auth })
        const answers = yield* Effect.forEach(Array.from({ length: 6 }), () => ask)
        assert.deepStrictEqual(
          answers.map(({ status }) => status),
          [502, 502, 502, 503, 503, 503]
        )
        assert.strictEqual((yield* simulator.stats).requests, 3)
        assert.isAtLeast(Number(answers.at(-1)?.headers.get("retry-after")), 1)
        assert.include((yield* get(`${proxy.adminUrl}/metrics`)).text, "hb_sessions_proxy_breaker_open 1")
        yield* simulator.setFaults({})
        yield* eventually(ask, ({ status }) => status === 200)
      })
    )
  )

  it.live(
    "retry what is transient",
    () =>
      simulated(
        { faults: { script: [{ fault: "503", nth: [1, 2] }] } },
        Effect.gen(function* () {
          const simulator = yield* Simulator
          const proxy = yield* start(simulator, ["--retries", "2"])
          assert.strictEqual((yield* get(`${proxy.url}/api/sessions`, { headers: proxy.auth })).status, 200)
          assert.strictEqual((yield* simulator.stats).requests, 3)
        })
      ),
    60_000
  )
})

describe("hostile clients", () => {
  it.live("are cut when they send a request in drips, or none at all", () =>
    simulated(
      {},
      Effect.gen(function* () {
        const proxy = yield* start(yield* Simulator, ["--header-timeout", "500ms"])
        const drip = (first: string) =>
          Effect.promise(
            () =>
              new Promise<string>((resolve) => {
                let text = ""
                const socket = connect(Number(new URL(proxy.url).port), "127.0.0.1")
                const timer = setInterval(() => socket.write("X-A: b\r\n"), 100)
                socket.write(first)
                socket.on("data", (data) => (text += data.toString()))
                socket.on("error", () => {})
                socket.on("close", () => {
                  clearInterval(timer)
                  resolve(text)
                })
              })
          )
        const [text, good] = yield* Effect.all(
          [
            drip("GET /api/sessions HTTP/1.1\r\nHost: a\r\n"),
            get(`${proxy.url}/api/sessions`, { headers: proxy.auth })
          ],
          { concurrency: "unbounded" }
        )
        assert.match(text, /^HTTP\/1\.1 408 /)
        assert.include(text, "application/problem+json")
        assert.strictEqual(good.status, 200)
      })
    )
  )
})
