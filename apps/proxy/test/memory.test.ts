/**
 * What the cache takes of a small heap, whatever it is asked. With HB_SESSIONS_TEST_FULL=1 it is asked 100,000 queries.
 */
import * as Bin from "@hb-sessions/app-kit/Bin"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFile, spawn } from "node:child_process"
import { Agent, get as request } from "node:http"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { bin, eventually, get, start } from "./support/Proxy.ts"
import { memoryOf } from "./support/Memory.ts"
import { upstream } from "./support/Upstream.ts"

const smallHeap = { NODE_OPTIONS: "--max-old-space-size=300" }
const QUERIES = process.env["HB_SESSIONS_TEST_FULL"] === "1" ? 100_000 : 1000
const CACHE_BYTES = 64 * 1024 * 1024
/** What the README says. */
const LARGEST = 340e6 + 1.25 * CACHE_BYTES

const row = { id: "a".repeat(24), status: "closed", createdAt: "2026-01-01T00:00:00Z" }
const body = JSON.stringify({ sessions: [row], totalCount: 100, page: 1, perPage: 10 })

/** Rejects what is asked for, and says so at length. */
const picky = upstream(({ url = "" }, response) => {
  const isRejected = url.includes("rejected")
  response.writeHead(isRejected ? 400 : 200, { "content-type": "application/json" })
  response.end(isRejected ? JSON.stringify({ message: `${"bad ".repeat(2000)}${url}` }) : body)
})

/** Asks all of the paths on a few connections; the statuses of the answers. */
const askAll = (url: string, headers: Record<string, string>, count: number, path: (index: number) => string) =>
  Effect.gen(function* () {
    const agent = new Agent({ keepAlive: true })
    const statuses = new Set<number | undefined>()
    const ask = (index: number) =>
      Effect.callback<void>((resume) => {
        const sent = request(url + path(index), { agent, headers, maxHeaderSize: 65_536 }, (response) => {
          statuses.add(response.statusCode)
          response.on("end", () => resume(Effect.void)).on("error", (error) => resume(Effect.die(error)))
          response.resume()
        })
        sent.on("error", (error) => resume(Effect.die(error)))
      })
    yield* Effect.forEach(
      Array.from({ length: count }, (_, index) => index),
      ask,
      { concurrency: 32, discard: true }
    )
    agent.destroy()
    return [...statuses]
  })

it.live(
  `${QUERIES.toLocaleString("en")} distinct queries, short and long, stay within the bound of --cache-bytes on a small heap`,
  () =>
    Effect.gen(function* () {
      const args = ["--rate", "0", "--access-log", "off", "--cache-fresh", "1h", "--cache-negative", "1h"]
      const proxy = yield* start(yield* picky, [...args, "--cache-bytes", String(CACHE_BYTES)], smallHeap)
      const ask = (count: number, name: string, length: number) =>
        askAll(proxy.url, proxy.auth, count, (index) => `/api/sessions?${name}=${String(index).padStart(length, "q")}`)
      // The longest query that is accepted, to the next hundred.
      const longest = 2000
      assert.deepStrictEqual(yield* ask(1, "probe", longest + 100), [414])
      let most = 0
      for (const [name, length, share, status] of [
        ["long", longest, 0.4, 200],
        ["short", 100, 0.4, 200],
        ["rejected", longest, 0.1, 400],
        ["short-rejected", 100, 0.1, 400]
      ] as const) {
        assert.deepStrictEqual(yield* ask(QUERIES * share, name, length), [status], name)
        const taken = memoryOf(proxy.process)
        most = Math.max(most, taken)
        assert.isBelow(taken, LARGEST, name)
      }
      const { text } = yield* get(`${proxy.adminUrl}/metrics`)
      assert.isAtMost(Number(/^hb_sessions_proxy_cache_bytes (\d+)$/m.exec(text)?.[1]), CACHE_BYTES)
      console.log(`at most ${Math.round(most / 1e6)} MB resident, queries of up to ${longest} characters`)
    }).pipe(Effect.scoped),
  Math.max(60_000, QUERIES * 80)
)

it.live("new objects are collected by one thread: for a few kilobytes no other is woken", () =>
  Effect.gen(function* () {
    const { url } = yield* picky
    const trace = ["--trace-gc", "--trace-parallel-scavenge"]
    const args = [...trace, bin, "serve", "--port", "0", "--without-tokens", "--rate", "0", "--cache-fresh", "1h"]
    const env = { ...Bin.nodeEnv, HYPERBROWSER_API_KEY: "hb_some_key", HYPERBROWSER_BASE_URL: url }
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "ignore"] })),
      (started) => Effect.sync(() => started.kill("SIGKILL"))
    )
    let told = ""
    child.stdout.setEncoding("utf8").on("data", (text: string) => (told += text))
    const found = eventually(
      Effect.sync(() => /"url":"([^"]*)"/.exec(told)?.[1] ?? ""),
      (served) => served !== ""
    )
    const served = yield* found
    told = ""
    assert.deepStrictEqual(yield* askAll(served, {}, 6000, () => "/api/sessions"), [200])
    const collections = told.split("Scavenge ").length - 1
    assert.isAtLeast(collections, 3)
    // Each thread that takes part tells what it copied.
    assert.closeTo(told.split("scavenge[").length - 1, collections, 1)
  }).pipe(Effect.scoped)
)

const script = fileURLToPath(new URL("support/entryCost.ts", import.meta.url))

it.live(
  "an entry takes what the cache counts for it",
  () =>
    Effect.forEach(
      [
        { query: 20, body: 100, entries: 4000 },
        { query: 1900, body: 200, entries: 2000 },
        // So small that it takes many to stand out.
        { query: 100, body: 0, entries: 8000 }
      ],
      ({ body: bytes, entries, query }) =>
        Effect.gen(function* () {
          const args = [
            "--expose-gc",
            "--disable-warning=ExperimentalWarning",
            script,
            ...[query, bytes, entries].map(String)
          ]
          const { stdout } = yield* Effect.promise(() =>
            promisify(execFile)(process.execPath, args, { env: Bin.nodeEnv })
          )
          const { counted, resident } = JSON.parse(stdout) as { counted: number; resident: number }
          const about = `query of ${query}, body of ${bytes}: ${counted} counted, ${resident} resident`
          console.log(about)
          assert.isBelow(resident, 1.25 * counted, about)
          assert.isAbove(resident, 0.4 * counted, about)
        })
    ),
  180_000
)
