/**
 * Who used what, and when last.
 */
import * as Bin from "@hb-sessions/app-kit/Bin"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Logger, Metric, Schema } from "effect"
import { TestClock } from "effect/testing"
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import type { ServerResponse } from "node:http"
import { join } from "node:path"
import * as LastUse from "../src/operations/LastUse.ts"
import { Usage } from "../src/operations/Usage.ts"
import { type TokenUse, UsageReport } from "../src/operations/UsageReport.ts"
import { CurrentUpstreamUse } from "../src/upstream/UpstreamUse.ts"
import * as InProcess from "./support/InProcess.ts"
import { bin, createToken, directory, eventually, get, token } from "./support/Proxy.ts"
import { upstream } from "./support/Upstream.ts"

const page = JSON.stringify({ sessions: [{ id: "s1", status: "closed" }], totalCount: 1, page: 1, perPage: 10 })

/** A proxy of one key with the tokens that are called so; its server answers pages, unless it is told to hold them. */
const setup = Effect.fnUntraced(function* (names: ReadonlyArray<string>, given: InProcess.Given = {}, root?: string) {
  const held: Array<() => void> = []
  const state = { isHeld: false }
  const { url } = yield* upstream((_, response: ServerResponse) => {
    const answer = () => response.setHeader("content-type", "application/json").end(page)
    if (state.isHeld) held.push(answer)
    else answer()
  })
  const tokensFile = join(root ?? (yield* directory), "tokens.json")
  const tokens = yield* Effect.forEach(names, (name) => createToken(tokensFile, name))
  const env = { HYPERBROWSER_API_KEY: "hb_some_key", HYPERBROWSER_BASE_URL: url }
  const proxy = yield* InProcess.start({ tokensFile, rate: "0", cacheFresh: "1h", ...given }, env)
  const ask = (path: string, secret = "") => get(proxy.url + path, { headers: { "x-api-key": secret } })
  const report = Effect.map(get(`${proxy.adminUrl}/usage`), ({ text }) =>
    Schema.decodeSync(Schema.fromJsonString(UsageReport))(text)
  )
  const use = (name: string) =>
    Effect.map(report, (found) => found.tokens.find((one) => one.token === name) ?? assert.fail(`no ${name}`))
  return { proxy, tokensFile, tokens, ask, report, use, held, state }
})

const counts = ({ lastUsed: _last, waitingSeconds: _waited, ...rest }: TokenUse) => rest

describe("the usage", () => {
  it.live("counts for each token its answers, bytes, hits, and what it caused", () =>
    Effect.gen(function* () {
      const { ask, proxy, tokens, use } = yield* setup(["a", "b", "idle"])
      const [a, b] = tokens
      yield* ask("/api/sessions", a)
      yield* ask("/api/sessions", a)
      yield* ask("/api/sessions?page=0", a)
      yield* ask("/api/sessions", b)
      yield* ask("/api/sessions", "wrong")
      yield* ask("/")
      const none = { ok: 0, rejected: 0, "rate-limited": 0, failed: 0, cut: 0, left: 0 }
      const problem = Buffer.byteLength((yield* ask("/api/sessions?page=0", a)).text)
      const found = counts(yield* use("a"))
      // The problem that was counted first has an id of another length, perhaps.
      assert.closeTo(found.bytes, 2 * page.length + 2 * problem, 4)
      assert.deepStrictEqual(found, {
        token: "a",
        requests: 4,
        outcomes: { ...none, ok: 2, rejected: 2 },
        bytes: found.bytes,
        cacheHits: 1,
        upstreamRequests: 1
      })
      assert.deepStrictEqual(counts(yield* use("b")), {
        token: "b",
        requests: 1,
        outcomes: { ...none, ok: 1 },
        bytes: page.length,
        cacheHits: 1,
        upstreamRequests: 0
      })
      const { text } = yield* get(`${proxy.adminUrl}/metrics`)
      for (const line of [
        'requests{token="a",outcome="ok"} 2',
        'requests{token="a",outcome="rejected"} 2',
        'requests{token="b",outcome="ok"} 1',
        'upstream_requests{token="a"} 1',
        'upstream_requests{token="b"} 0',
        'cache_hits{token="b"} 1',
        `bytes{token="b"} ${page.length}`,
        'waiting_seconds{token="b"} 0'
      ]) {
        assert.include(text, `hb_sessions_proxy_token_${line}\n`)
      }
      assert.notInclude(text, "idle")
    }).pipe(Effect.scoped)
  )

  it.live("counts a request that several tokens wait for once, for the one that caused it", () =>
    Effect.gen(function* () {
      const { ask, held, proxy, state, tokens, use } = yield* setup(["a", "b", "c"], { upstreamConcurrency: "1" })
      const [a, b, c] = tokens
      const inFlight = (count: number) =>
        eventually(get(`${proxy.adminUrl}/metrics`), ({ text }) =>
          text.includes(`hb_sessions_proxy_requests_in_flight ${count}\n`)
        )
      state.isHeld = true
      // The others wait for their turn meanwhile.
      const before = yield* Effect.forkChild(ask("/api/sessions?page=2", c))
      yield* inFlight(1)
      const first = yield* Effect.forkChild(ask("/api/sessions", a))
      yield* inFlight(2)
      const second = yield* Effect.forkChild(ask("/api/sessions", b))
      yield* inFlight(3)
      state.isHeld = false
      held.forEach((answer) => answer())
      yield* Effect.forEach([before, first, second], Fiber.join)
      const caused = yield* Effect.forEach(["a", "b", "c"], use)
      assert.deepStrictEqual(
        caused.map(({ upstreamRequests }) => upstreamRequests),
        [1, 0, 1]
      )
    }).pipe(Effect.scoped)
  )

  it.live("counts limits, and the time for which turns were waited for", () =>
    Effect.gen(function* () {
      const settings = { upstreamConcurrency: "1", rate: "0.001", burst: "2", cacheStale: "0s" } as const
      const { ask, held, report, state, tokens, use } = yield* setup(["a", "b"], settings)
      state.isHeld = true
      const [a = "", b = ""] = tokens
      const first = yield* Effect.forkChild(ask("/api/sessions?page=1", a))
      yield* eventually(
        Effect.sync(() => held.length),
        (count) => count === 1
      )
      const second = yield* Effect.forkChild(ask("/api/sessions?page=2", b))
      yield* eventually(report, (found) => found.tokens.some((one) => one.token === "b"))
      yield* Effect.sleep("300 millis")
      state.isHeld = false
      held.forEach((answer) => answer())
      yield* Effect.forEach([first, second], Fiber.join)
      assert.isAtLeast((yield* use("b")).waitingSeconds, 0.25)
      assert.isBelow((yield* use("a")).waitingSeconds, 0.25)
      assert.strictEqual((yield* use("b")).upstreamRequests, 1)
      yield* ask("/api/sessions", a)
      assert.strictEqual((yield* ask("/api/sessions", a)).status, 429)
      const { outcomes } = yield* use("a")
      assert.deepStrictEqual([outcomes["ok"], outcomes["rate-limited"]], [2, 1])
    }).pipe(Effect.scoped)
  )

  it.effect("has a sum for each of the first thousand tokens, and one for the others of each account", () =>
    Effect.gen(function* () {
      const { answered, know, report } = yield* Usage
      const { requested } = yield* CurrentUpstreamUse
      const seriesOf = Effect.map(
        Metric.snapshot,
        (series) => series.filter(({ id }) => id.startsWith("hb_sessions_proxy_token_")).length
      )
      // Other tests of this process have left some.
      const before = yield* seriesOf
      const entry = { status: 200, problem: undefined, cache: undefined, bytes: 1 }
      for (let n = 0; n < 3000; n++) {
        answered({ ...entry, tokenId: `id${n}`, client: `t${n}`, account: n % 2 === 0 ? "even" : undefined })
      }
      for (let n = 0; n < 3000; n++) know({ tokenId: `more${n}`, client: `m${n}`, account: `a${n}` })
      for (const id of ["id0", "id2999", "more2999", "unknown"]) requested(id)
      const { tokens } = report()
      assert.lengthOf(tokens, 2001)
      const of = (name: string, account?: string) => tokens.find((one) => one.token === name && one.account === account)
      assert.deepStrictEqual([of("t0", "even")?.requests, of("t0", "even")?.upstreamRequests], [1, 1])
      assert.deepStrictEqual([of("other")?.requests, of("other")?.upstreamRequests], [1000, 1])
      assert.deepStrictEqual([of("other", "even")?.requests, of("other", "even")?.upstreamRequests], [1000, 0])
      assert.deepStrictEqual([of("other", "other")?.requests, of("other", "other")?.upstreamRequests], [0, 1])
      assert.isAtMost((yield* seriesOf) - before, 2001 * 4 + 1002)
    }).pipe(Effect.provide(Usage.layer))
  )

  it.live("is printed as a table or JSON, and only what an admin listener says", () =>
    Effect.gen(function* () {
      const { ask, proxy, tokens } = yield* setup(["team-a", "b"])
      yield* ask("/api/sessions", tokens[1])
      for (let n = 0; n < 2; n++) yield* ask("/api/sessions", tokens[0])
      const run = (...args: ReadonlyArray<string>) => Bin.run(bin, ["usage", ...args])
      const { code, stdout } = yield* run("--admin-url", proxy.adminUrl)
      assert.strictEqual(code, 0)
      const [since = "", head = "", first = "", second = ""] = stdout.split("\n")
      assert.match(since, /^since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
      assert.match(head, /^TOKEN +REQUESTS +FAILED +RATE-LIMITED +CACHE HITS +UPSTREAM +BYTES +WAITED +LAST USED$/)
      assert.match(first, new RegExp(`^team-a +2 +0 +0 +2 +0 +${2 * page.length} +0\\.0 s +\\d{4}-`))
      assert.match(second, new RegExp(`^b +1 +0 +0 +0 +1 +${page.length} +0\\.0 s +\\d{4}-`))
      const json = yield* run("--admin-url", proxy.adminUrl, "--format", "json")
      assert.lengthOf(JSON.parse(json.stdout).tokens, 2)
      for (const [url, expected, said] of [
        ["http://127.0.0.1:2", 4, "no admin listener answers (ECONNREFUSED); start the server, or give --admin-url"],
        [proxy.url, 7, "this is no admin listener (status 404)"],
        ["ftp://x", 2, "--admin-url"]
      ] as const) {
        const failed = yield* run("--admin-url", url)
        assert.deepStrictEqual([failed.code, failed.stderr.trim().split("\n").length], [expected, 1], failed.stderr)
        assert.include(failed.stderr, said)
      }
    }).pipe(Effect.scoped)
  )
})

const listed = (tokensFile: string) =>
  Effect.map(token(tokensFile, "list", "--json"), ({ stdout }) =>
    (JSON.parse(stdout) as ReadonlyArray<{ name: string; lastUsed?: string }>).map(({ lastUsed, name }) => [
      name,
      lastUsed !== undefined
    ])
  )

/** How the server of a tokens file notes them. */
const add = (tokensFile: string) => (uses: ReadonlyMap<string, number>) => LastUse.add(tokensFile, uses)

describe("the last use of a token", () => {
  it.live("is kept beside the tokens when a server stops, and listed", () =>
    Effect.gen(function* () {
      const root = yield* directory
      const file = join(root, "tokens.json")
      const kept = LastUse.pathOf(file)
      const before = yield* Effect.gen(function* () {
        const { ask, tokens } = yield* setup(["a", "b"], {}, root)
        yield* ask("/api/sessions", tokens[0])
        assert.deepStrictEqual(yield* listed(file), [
          ["a", false],
          ["b", false]
        ])
        return statSync(file).mtimeMs
      }).pipe(Effect.scoped)
      assert.strictEqual(statSync(kept).mode & 0o777, 0o600)
      assert.strictEqual(statSync(file).mtimeMs, before)
      assert.deepStrictEqual(yield* listed(file), [
        ["a", true],
        ["b", false]
      ])
      assert.match((yield* token(file, "list")).stdout, /LAST USED\n.* \d{4}-\S+Z\n.* -\n$/)
      writeFileSync(kept, "{")
      assert.deepStrictEqual((yield* listed(file))[0], ["a", false])
    }).pipe(Effect.scoped)
  )

  it.effect("is written once a minute, never set back, and forgotten with its token", () =>
    Effect.gen(function* () {
      const tokensFile = join(yield* directory, "tokens.json")
      yield* createToken(tokensFile, "a")
      yield* createToken(tokensFile, "b")
      const [a = "", b = ""] = JSON.parse(readFileSync(tokensFile, "utf8")).tokens.map((one: { id: string }) => one.id)
      const path = LastUse.pathOf(tokensFile)
      writeFileSync(path, JSON.stringify({ version: 1, lastUsed: { [a]: 500, gone: 1 } }))
      const uses = new Map([
        [a, 400],
        [b, 700]
      ])
      const read = () => JSON.parse(readFileSync(path, "utf8")).lastUsed
      // Files take real time, so that the next minute may be over before it is waited for.
      const pause = Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 20)))
      const later = (expected: object): Effect.Effect<void> =>
        Effect.suspend(() =>
          JSON.stringify(read()) === JSON.stringify(expected)
            ? Effect.void
            : Effect.andThen(Effect.andThen(TestClock.adjust("1 minute"), pause), later(expected))
        )
      // A copy each time: the file is there before its writer knows, and what changes then is not written yet.
      yield* LastUse.keep(add(tokensFile), () => new Map(uses))
      yield* TestClock.adjust("59 seconds")
      yield* pause
      assert.deepStrictEqual(read(), { [a]: 500, gone: 1 })
      yield* TestClock.adjust("1 second")
      yield* pause
      yield* later({ [a]: 500, [b]: 700 })
      uses.set(a, 900)
      yield* later({ [a]: 900, [b]: 700 })
      const { mtimeMs } = statSync(path)
      yield* TestClock.adjust("1 minute")
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 100)))
      assert.strictEqual(statSync(path).mtimeMs, mtimeMs)
    }).pipe(Effect.scoped)
  )

  it.live("is not kept from a clock that was ahead, nor is a time that is no date", () =>
    Effect.gen(function* () {
      const tokensFile = join(yield* directory, "tokens.json")
      yield* createToken(tokensFile, "a")
      const { id } = JSON.parse(readFileSync(tokensFile, "utf8")).tokens[0]
      const path = LastUse.pathOf(tokensFile)
      writeFileSync(path, JSON.stringify({ version: 1, lastUsed: { [id]: 8e15 } }))
      yield* LastUse.add(tokensFile, new Map([[id, 700]]))
      assert.deepStrictEqual(JSON.parse(readFileSync(path, "utf8")).lastUsed, { [id]: 700 })
      writeFileSync(path, JSON.stringify({ version: 1, lastUsed: { [id]: 1e300 } }))
      assert.deepStrictEqual(yield* listed(tokensFile), [["a", false]])
    }).pipe(Effect.scoped)
  )

  it.effect("that cannot be written is told once, and written later", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const logger = Logger.make(({ message }) => void lines.push(String(message)))
      const tokensFile = join(yield* directory, "tokens.json")
      yield* createToken(tokensFile, "a")
      const { id } = JSON.parse(readFileSync(tokensFile, "utf8")).tokens[0]
      const path = LastUse.pathOf(tokensFile)
      mkdirSync(path)
      yield* Effect.gen(function* () {
        yield* LastUse.keep(add(tokensFile), () => new Map([[id, 1]]))
        const pause = Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 50)))
        const later = (holds: () => boolean): Effect.Effect<void> =>
          Effect.suspend(() =>
            holds() ? Effect.void : Effect.andThen(Effect.andThen(TestClock.adjust("1 minute"), pause), later(holds))
          )
        yield* later(() => lines.length > 0)
        for (let n = 0; n < 3; n++) yield* Effect.andThen(TestClock.adjust("1 minute"), pause)
        assert.lengthOf(lines, 1)
        assert.include(lines[0], `${path} cannot be written: it is a directory`)
        assert.include(lines[0], "until it can be written, token list does not tell when tokens were last used")
        rmSync(path, { recursive: true })
        yield* later(() => existsSync(path))
        assert.include(readFileSync(path, "utf8"), id)
      }).pipe(Effect.scoped, Effect.provide(Logger.layer([logger])))
    }).pipe(Effect.scoped)
  )
})
