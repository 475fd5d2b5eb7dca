/**
 * The upstream's budget, and other limits, that replicas have together.
 */
import * as Bin from "@hb-sessions/app-kit/Bin"
import { hasRedis } from "@hb-sessions/redis/Redis"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { bin, get } from "./support/Proxy.ts"
import { envOf, notingUpstream, pageOf, redis, replicas, tokens } from "./support/Replicas.ts"

/** Starts the built proxy without the tests' usual settings. */
const serve = Effect.fnUntraced(function* (args: ReadonlyArray<string>, env: Bin.Env) {
  const started = yield* Bin.start(bin, ["serve", "--port", "0", "--drain", "0s", "--access-log", "off", ...args], env)
  return { ...started, ...(JSON.parse(started.firstLine) as { readonly url: string; readonly adminUrl: string }) }
})

/** Keeps asking for pages that are in no cache, a few at a time. */
const hunger = (url: string, headers: Record<string, string>) =>
  Effect.forEach(
    Array.from({ length: 8 }, (_, line) => line),
    (line) =>
      Effect.gen(function* () {
        for (let page = 1; ; page++) yield* get(`${url}/api/sessions?page=${page}&line=${line}`, { headers })
      }),
    { concurrency: "unbounded", discard: true }
  )

/** The most requests of any piece of the log, above what a rate allows for it. */
const excess = (asked: ReadonlyArray<{ readonly at: number }>, perSecond: number): number => {
  let most = 0
  // The largest sum of a piece: each request adds 1, and the time since the last takes away.
  let sum = 0
  for (const [index, { at }] of asked.entries()) {
    const since = index === 0 ? 0 : at - (asked[index - 1]?.at ?? 0)
    sum = Math.max(0, sum - (since * perSecond) / 1000) + 1
    most = Math.max(most, sum)
  }
  return most
}

describe.skipIf(!hasRedis)("replicas", () => {
  for (const count of [2, 4]) {
    it.live(`${count} processes together send no more than the budget`, () =>
      Effect.gen(function* () {
        const server = yield* redis()
        const { auth, tokensFile } = yield* tokens
        const api = yield* notingUpstream()
        const limits = ["--upstream-rate", "40", "--rate", "0", "--cache-bytes", "0"]
        const proxies = yield* Effect.forEach(
          Array.from({ length: count }),
          () => serve(["--tokens-file", tokensFile, "--redis", server.url, ...limits], envOf(api)),
          { concurrency: count }
        )
        yield* Effect.timeoutOption(
          Effect.forEach(proxies, ({ url }) => hunger(url, auth), { concurrency: "unbounded" }),
          "3 seconds"
        )
        // Two that are saved up, and what arrives late by up to half a second. Without Redis it would be hundreds.
        assert.isBelow(excess(api.asked, 40), 2 + 40 / 2 + 1)
        assert.isAbove(api.asked.length, 20)
      })
    )
  }

  it.live("have a share each while Redis is away, and share again after it", () =>
    Effect.gen(function* () {
      const server = yield* redis()
      const { auth, tokensFile } = yield* tokens
      const api = yield* notingUpstream()
      const given = { tokensFile, redis: server.url, upstreamRate: "40", rate: "0", cacheBytes: "0" }
      const proxies = yield* replicas(2, given, envOf(api))
      // Each has counted the other.
      yield* Effect.sleep("1 second")
      yield* Effect.promise(server.kill)
      const from = api.asked.length
      yield* Effect.timeoutOption(
        Effect.forEach(proxies, ({ url }) => hunger(url, auth), { concurrency: "unbounded" }),
        "2 seconds"
      )
      const alone = api.asked.slice(from)
      assert.isAbove(alone.length, 10)
      assert.isBelow(excess(alone, 40), 2 + 40 / 2 + 1)
    })
  )

  it.live("wait for what the upstream asked one of them", () =>
    Effect.gen(function* () {
      const server = yield* redis()
      const { auth, tokensFile } = yield* tokens
      let isLimited = true
      const api = yield* notingUpstream((response, url) => {
        if (isLimited) response.writeHead(429, { "retry-after": "1" }).end()
        else {
          response.setHeader("content-type", "application/json")
          response.end(JSON.stringify({ sessions: [], totalCount: 0, page: 1, perPage: 10, url }))
        }
      })
      const given = { tokensFile, redis: server.url, upstreamRate: "40", cacheBytes: "0", retries: "0" }
      const [first, second] = yield* replicas(2, given, envOf(api))
      assert.strictEqual((yield* get(`${first?.url}/api/sessions?page=1`, { headers: auth })).status, 429)
      isLimited = false
      assert.strictEqual((yield* get(`${second?.url}/api/sessions?page=2`, { headers: auth })).status, 200)
      const [at = 0, next = 0] = api.asked.map((request) => request.at)
      assert.isAbove(next - at, 900)
    })
  )

  it.live("let a token send no more than its rate, all of it through one, and never wait for Redis", () =>
    Effect.gen(function* () {
      const server = yield* redis()
      const { auth, tokensFile } = yield* tokens
      const api = yield* notingUpstream()
      const given = { tokensFile, redis: server.url, rate: "40", burst: "40", cacheFresh: "1h" }
      const proxies = yield* replicas(2, given, envOf(api))
      // Each has counted the other.
      yield* Effect.sleep("1 second")
      const answered: Array<{ readonly at: number; readonly status: number }> = []
      const asking = (url: string | undefined) =>
        Effect.forever(
          Effect.flatMap(get(`${url}/api/sessions`, { headers: auth }), ({ status }) => {
            answered.push({ at: performance.now(), status })
            // Those who do not wait are kept waiting.
            return status === 429 ? Effect.sleep("25 millis") : Effect.void
          })
        )
      const allowed = () => answered.filter(({ status }) => status === 200)
      const begin = performance.now()
      yield* Effect.timeoutOption(
        Effect.all([asking(proxies[0]?.url), asking(proxies[1]?.url), asking(proxies[1]?.url)], { concurrency: 3 }),
        "2 seconds"
      )
      const seconds = (performance.now() - begin) / 1000
      // At most twice what may be sent at once, where a replica was alone for a moment.
      assert.isBelow(allowed().length, 40 + 40 + 40 * seconds + 10)
      assert.isAbove(allowed().length, 40)
      assert.isAbove(answered.length, allowed().length)
      // One alone gets what the others do not take.
      yield* Effect.sleep("500 millis")
      answered.length = 0
      yield* Effect.timeoutOption(asking(proxies[0]?.url), "1 second")
      assert.isAbove(allowed().length, 20)
      // Frozen, and not yet missed: a cached answer is there at once.
      yield* Effect.sleep("500 millis")
      server.freeze()
      const first = yield* get(`${proxies[1]?.url}/api/sessions`, { headers: auth })
      assert.strictEqual(first.status, 200)
      assert.match(first.headers.get("cache-status") ?? "", /hit/)
      answered.length = 0
      yield* Effect.timeoutOption(
        Effect.all([asking(proxies[0]?.url), asking(proxies[1]?.url)], { concurrency: 2 }),
        "2 seconds"
      )
      // Bounded also without it, and answered.
      assert.isBelow(allowed().length, 40 + 40 + 40 * 2 + 20)
      assert.isAbove(allowed().length, 40)
      assert.sameMembers([...new Set(answered.map(({ status }) => status))], [200, 429])
    })
  )

  it.live("throttle an address that sends wrong tokens to several of them", () =>
    Effect.gen(function* () {
      const server = yield* redis()
      const { auth, tokensFile } = yield* tokens
      const api = yield* notingUpstream()
      const proxies = yield* replicas(2, { tokensFile, redis: server.url }, envOf(api))
      const guess = (index: number) =>
        Effect.map(
          get(`${proxies[index % 2]?.url}/api/sessions`, { headers: { "x-api-key": `wrong-${index}` } }),
          ({ status }) => status
        )
      for (let index = 0; index < 12; index++) assert.strictEqual(yield* guess(index), 401)
      yield* Effect.sleep("400 millis")
      // Each hears of the others' when it tells of its own.
      for (let index = 12; index < 14; index++) yield* guess(index)
      yield* Effect.sleep("400 millis")
      for (let index = 14; index < 16; index++) assert.strictEqual(yield* guess(index), 429)
      assert.strictEqual((yield* get(`${proxies[0]?.url}/api/sessions`, { headers: auth })).status, 200)
    })
  )

  it.live("have one circuit", () =>
    Effect.gen(function* () {
      const server = yield* redis()
      const { auth, tokensFile } = yield* tokens
      let isBroken = true
      const api = yield* notingUpstream((response, url) => {
        if (isBroken) response.writeHead(500).end()
        else pageOf(response, url)
      })
      const given = {
        ...{ tokensFile, redis: server.url, cacheBytes: "0", retries: "0" },
        ...{ breakerFailures: "4", breakerOpen: "2s" }
      }
      const proxies = yield* replicas(2, given, envOf(api))
      const ask = (index: number) =>
        Effect.map(
          get(`${proxies[index % 2]?.url}/api/sessions?page=${index + 1}`, { headers: auth }),
          ({ status }) => status
        )
      for (let index = 0; index < 4; index++) assert.strictEqual(yield* ask(index), 502)
      assert.strictEqual(yield* ask(4), 503)
      assert.strictEqual(yield* ask(5), 503)
      assert.strictEqual(api.asked.length, 4)
      isBroken = false
      yield* Effect.sleep("2 seconds")
      for (let index = 6; index < 10; index++) assert.strictEqual(yield* ask(index), 200)
      // Without Redis each has its own, which starts closed.
      isBroken = true
      yield* Effect.promise(server.kill)
      for (let index = 10; index < 12; index++) assert.strictEqual(yield* ask(index), 502)
    })
  )
})
