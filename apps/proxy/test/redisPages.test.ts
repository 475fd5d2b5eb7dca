/**
 * Pages that replicas share.
 */
import * as Bin from "@hb-sessions/app-kit/Bin"
import { hasRedis } from "@hb-sessions/redis/Redis"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import type { ServerResponse } from "node:http"
import * as InProcess from "./support/InProcess.ts"
import { bin, eventually, get } from "./support/Proxy.ts"
import { envOf, notingUpstream, pageOf, redis, replicas, tokens } from "./support/Replicas.ts"

const path = (page: number | string) => `/api/sessions?page=${page}`

/** Replicas with a Redis, and an upstream that takes its time. */
const sharing = Effect.fnUntraced(function* (
  count: number,
  given: InProcess.Given = {},
  answer: (response: ServerResponse, url: string) => void = (response, url) =>
    void setTimeout(pageOf, 100, response, url)
) {
  const server = yield* redis()
  const { auth, tokensFile } = yield* tokens
  const api = yield* notingUpstream(answer)
  const settings = { tokensFile, redis: server.url, rate: "0", upstreamRate: "0", cacheFresh: "1m", ...given }
  const start = (env: Readonly<Record<string, string>> = {}) => InProcess.start(settings, { ...envOf(api), ...env })
  const proxies = yield* replicas(count, settings, envOf(api))
  const ask = (proxy: { readonly url: string } | undefined, page: number | string, headers = {}) =>
    get(`${proxy?.url}${path(page)}`, { headers: { ...auth, ...headers } })
  return { api, ask, auth, proxies, server, start, tokensFile }
})

describe.skipIf(!hasRedis)("pages of replicas", () => {
  it.live("are fetched once, by one of them, where all are asked for them at the same time, and by none later", () =>
    Effect.gen(function* () {
      const { api, ask, proxies, start } = yield* sharing(4)
      const pages = Array.from({ length: 10 }, (_, index) => index + 1)
      const asked = pages.flatMap((page) => [...proxies, ...proxies].map((proxy) => ask(proxy, page)))
      const answers = yield* Effect.all(asked, { concurrency: "unbounded" })
      for (const { status } of answers) assert.strictEqual(status, 200)
      assert.strictEqual(new Set(answers.map(({ text }) => text)).size, pages.length)
      assert.deepStrictEqual(api.asked.map(({ url }) => url).toSorted(), pages.map((page) => path(page)).toSorted())
      const later = yield* start()
      const [first] = answers
      const found = yield* ask(later, 1)
      assert.strictEqual(found.text, first?.text)
      assert.strictEqual(found.headers.get("etag"), first?.headers.get("etag"))
      assert.strictEqual(found.headers.get("content-type"), first?.headers.get("content-type"))
      assert.match(found.headers.get("cache-status") ?? "", /; hit; ttl=5\d$/)
      assert.strictEqual(api.asked.length, pages.length)
    })
  )

  it.live(
    "are fetched anew for clients that want it, which the others then get, and not shared by those that forbid it",
    () =>
      Effect.gen(function* () {
        const { api, ask, proxies, server, start } = yield* sharing(2)
        const [a, b] = proxies
        yield* ask(a, 1)
        assert.match((yield* ask(b, 1, { "cache-control": "no-cache" })).headers.get("cache-status") ?? "", /fwd/)
        assert.strictEqual(api.asked.length, 2)
        assert.strictEqual((yield* ask(yield* start(), 1)).status, 200)
        assert.strictEqual(api.asked.length, 2)
        yield* Effect.sleep("1100 millis")
        yield* ask(yield* start(), 1, { "cache-control": "max-age=1" })
        assert.strictEqual(api.asked.length, 3)
        const known = Effect.promise(() => server.send("ZCARD", "hb-sessions-proxy:v1:pages:ends"))
        assert.strictEqual(yield* known, "1")
        yield* ask(a, 2, { "cache-control": "no-store" })
        yield* Effect.sleep("100 millis")
        assert.strictEqual(yield* known, "1")
        yield* ask(b, 2)
        assert.strictEqual(api.asked.length, 5)
      })
  )

  it.live("are given at once where they are no longer fresh, and fetched by one of all", () =>
    Effect.gen(function* () {
      const { api, ask, proxies, start } = yield* sharing(1, { cacheFresh: "100ms", cacheStale: "1m" })
      yield* ask(proxies[0], 1)
      yield* Effect.sleep("300 millis")
      const others = [yield* start(), yield* start()]
      const answers = yield* Effect.forEach(others, (proxy) => ask(proxy, 1), { concurrency: "unbounded" })
      for (const { headers } of answers) assert.match(headers.get("cache-status") ?? "", /stale-while-revalidate/)
      yield* eventually(
        Effect.sync(() => api.asked.length),
        (count) => count === 2
      )
      yield* Effect.sleep("200 millis")
      assert.strictEqual(api.asked.length, 2)
    })
  )

  it.live("are those of one key only", () =>
    Effect.gen(function* () {
      const { api, ask, proxies, start } = yield* sharing(1)
      yield* ask(proxies[0], 1)
      yield* ask(yield* start({ HYPERBROWSER_API_KEY: "another-key" }), 1)
      assert.strictEqual(api.asked.length, 2)
    })
  )

  it.live("take no more room than they may, and each key ends by itself and tells nothing", () =>
    Effect.gen(function* () {
      const body = JSON.stringify({ sessions: [{ id: "s1", status: "closed", teamId: "x".repeat(5000) }], page: 1 })
      const { ask, proxies, server } = yield* sharing(1, { cacheBytes: "64k", upstreamRate: "1000" }, (response) => {
        response.setHeader("content-type", "application/json")
        response.end(body)
      })
      const pages = Array.from({ length: 40 }, (_, index) => `${index + 1}&secret=plain`)
      yield* Effect.forEach(pages, (page) => ask(proxies[0], page))
      // What is stored is not waited for.
      yield* Effect.sleep("100 millis")
      const send = (...words: ReadonlyArray<string>) => Effect.promise(() => server.send(...words))
      const keys = (yield* send("KEYS", "*")).split("\n")
      const stored = keys.filter((key) => /:page:-:[\w-]{43}$/.test(key))
      assert.isAbove(stored.length, 5)
      assert.isBelow(stored.length * 5000, 64 * 1024)
      assert.isBelow(Number(yield* send("HGET", "hb-sessions-proxy:v1:pages:sizes", "total")), 64 * 1024 + 1)
      assert.strictEqual(yield* send("ZCARD", "hb-sessions-proxy:v1:pages:ends"), String(stored.length))
      for (const key of keys) {
        assert.isAbove(Number(yield* send("PTTL", key)), 0, key)
        assert.notInclude(key, "plain")
        assert.notInclude(key, "some-key")
      }
    })
  )

  it.live("are fetched by another replica where the one that fetches fails", () =>
    Effect.gen(function* () {
      let failures = 1
      const { api, ask, proxies } = yield* sharing(2, { retries: "0" }, (response, url) => {
        if (failures-- > 0) setTimeout(() => response.writeHead(500).end(), 100)
        else pageOf(response, url)
      })
      const answers = yield* Effect.forEach(proxies, (proxy) => ask(proxy, 1), { concurrency: "unbounded" })
      assert.deepStrictEqual(answers.map(({ status }) => status).toSorted(), [200, 502])
      assert.strictEqual(api.asked.length, 2)
    })
  )

  it.live("are fetched by another replica where the one that fetches is killed", () =>
    Effect.gen(function* () {
      let hung = 1
      const { api, ask, auth, proxies, server, tokensFile } = yield* sharing(1, {}, (response, url) => {
        if (hung-- <= 0) pageOf(response, url)
      })
      const args = ["serve", "--port", "0", "--tokens-file", tokensFile, "--redis", server.url, "--upstream-rate", "0"]
      const victim = yield* Bin.start(bin, args, envOf(api))
      const { url } = JSON.parse(victim.firstLine) as { readonly url: string }
      const first = yield* Effect.forkChild(
        Effect.exit(Effect.tryPromise(() => fetch(url + path(1), { headers: auth })))
      )
      yield* eventually(
        Effect.sync(() => api.asked.length),
        (count) => count === 1
      )
      const second = yield* Effect.forkChild(ask(proxies[0], 1))
      yield* Effect.sleep("300 millis")
      assert.strictEqual(api.asked.length, 1)
      yield* victim.stop("SIGKILL")
      yield* Fiber.join(first)
      assert.strictEqual((yield* Fiber.join(second)).status, 200)
      assert.strictEqual(api.asked.length, 2)
    })
  )

  it.live("are answered while Redis goes away in the middle", () =>
    Effect.gen(function* () {
      const { ask, proxies, server } = yield* sharing(2)
      const asked = Array.from({ length: 60 }, (_, index) =>
        Effect.delay(ask(proxies[index % 2], (index % 20) + 1), index * 10)
      )
      const all = yield* Effect.forkChild(Effect.all(asked, { concurrency: "unbounded" }))
      yield* Effect.sleep("200 millis")
      server.freeze()
      yield* Effect.sleep("200 millis")
      yield* Effect.promise(server.kill)
      for (const { status } of yield* Fiber.join(all)) assert.strictEqual(status, 200)
    })
  )
})
