/**
 * The upstream's budget, and other limits, that replicas have together.
 */
import * as Bin from "@hb-sessions/app-kit/Bin"
import { hasRedis } from "@hb-sessions/redis/Redis"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { bin, get } from "./support/Proxy.ts"
import { envOf, notingUpstream, redis, replicas, tokens } from "./support/Replicas.ts"

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
    it.live(`${count} processes together send no more than the budget, and all of it`, () =>
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
        // Two that are saved up, and what is late by up to a quarter of a second.
        assert.isBelow(excess(api.asked, 40), 2 + 40 / 4 + 1)
        assert.isAbove(api.asked.length, 60)
        assert.isBelow(api.asked.length, 3 * 40 + 2 + 40 / 4)
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
      assert.isAbove(alone.length, 30)
      assert.isBelow(excess(alone, 40), 12)
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
})
