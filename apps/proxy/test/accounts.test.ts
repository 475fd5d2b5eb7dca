/**
 * Several accounts behind one proxy: what they must not share, and what becomes of them when their file changes.
 */
import * as Accounts from "@hb-sessions/app-kit/Accounts"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Redacted } from "effect"
import { mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs"
import type { ServerResponse } from "node:http"
import { join } from "node:path"
import { KnownKeys } from "../src/upstream/KnownKeys.ts"
import * as InProcess from "./support/InProcess.ts"
import { createToken, directory, eventually, get, token as tokenCommand } from "./support/Proxy.ts"
import { upstream } from "./support/Upstream.ts"

const keys = { a: "hb_key_of_team_a", b: "hb_key_of_team_b" }

/** A server that shows each key a list of its own, and what it was asked: the key and the URL. */
const world = Effect.fnUntraced(function* (name: string) {
  const seen: Array<readonly [key: string, url: string]> = []
  const state = {
    answer: undefined as ((key: string, response: ServerResponse) => boolean) | undefined,
    accepted: new Set<string>(Object.values(keys))
  }
  const { url } = yield* upstream((request, response) => {
    const key = String(request.headers["x-api-key"])
    seen.push([key, request.url ?? ""])
    if (state.answer?.(key, response) === true) return
    response.statusCode = state.accepted.has(key) ? 200 : 401
    response.setHeader("content-type", "application/json")
    const session = { id: "s1", status: "closed", teamId: `https://${name}/${key.slice(-1)}` }
    response.end(JSON.stringify({ sessions: [session], totalCount: 1, page: 1, perPage: 10 }))
  })
  return { url, seen, state }
})

/** Writes an accounts file with a key file for each of its accounts, and a token for each. */
const files = Effect.fnUntraced(function* (accounts: Readonly<Record<string, { url: string; key: string }>>) {
  const root = yield* directory
  const write = (wanted: typeof accounts) => {
    const tables = Object.entries(wanted).map(([name, { key, url }]) => {
      writeFileSync(join(root, `key-${name}`), `${key}\n`)
      return `[accounts.${name}]\napi_key_file = "key-${name}"\nbase_url = "${url}"\ncron = "1 2 * * *"\n`
    })
    writeFileSync(join(root, "accounts.new"), tables.join("\n"))
    renameSync(join(root, "accounts.new"), join(root, "accounts.toml"))
  }
  write(accounts)
  const tokensFile = join(root, "tokens.json")
  const token = (name: string, account?: string) =>
    createToken(tokensFile, name, account === undefined ? {} : { account })
  return { root, write, token, given: { tokensFile, accounts: join(root, "accounts.toml"), rate: "0" } as const }
})

/** Two accounts of one server, with a token each, and further tokens of the first. */
const two = Effect.fnUntraced(function* (given: InProcess.Given = {}, further: ReadonlyArray<string> = []) {
  const api = yield* world("one")
  const made = yield* files({ "team-a": { url: api.url, key: keys.a }, "team-b": { url: api.url, key: keys.b } })
  const tokens = { a: yield* made.token("a", "team-a"), b: yield* made.token("b", "team-b") }
  const others = yield* Effect.forEach(further, (name) => made.token(name, "team-a"))
  const proxy = yield* InProcess.start({ ...made.given, ...given })
  const ask = (path: string, token: string) => get(proxy.url + path, { headers: { "x-api-key": token } })
  return { ...made, api, proxy, tokens, others, ask }
})

const problem = (text: string) => String(JSON.parse(text).type).split(":").at(-1)
const metrics = (proxy: { readonly adminUrl: string }) =>
  Effect.map(get(`${proxy.adminUrl}/metrics`), ({ text }) => text)

const routes = ["/api/sessions?page=1", "/v1/stats", "/v1/sessions/s1", "/v1/sessions.ndjson", "/v1/sessions.csv"]

describe("two accounts", () => {
  it.live("see their own sessions by every route, fresh, kept, and when the same is asked at once", () =>
    Effect.gen(function* () {
      const other = yield* world("other")
      const { api, ask, token: make, tokens, write } = yield* two({ cacheFresh: "1h" })
      const states: Array<string | null> = []
      for (const path of routes) {
        for (const [name, secret] of [...Object.entries(tokens), ...Object.entries(tokens)]) {
          const { headers, status, text } = yield* ask(path, secret)
          assert.strictEqual(status, 200, text)
          if (path !== "/v1/stats") assert.include(text, `https://one/${name}`, path)
          const kept = headers.get("cache-status")
          if (kept !== null) states.push(kept.replace(/; ttl=.*/, ""))
        }
      }
      const [miss, hit] = ["hb-sessions-proxy; fwd=miss", "hb-sessions-proxy; hit"]
      assert.deepStrictEqual(
        states,
        [1, 2, 3].flatMap(() => [miss, miss, hit, hit])
      )
      assert.deepStrictEqual(new Set(api.seen.map(([key]) => key)), new Set(Object.values(keys)))
      // The same key at two servers, and a key that leads to another server from now on.
      write({
        "team-a": { url: other.url, key: keys.a },
        "team-b": { url: api.url, key: keys.b },
        "team-c": { url: api.url, key: keys.a }
      })
      const third = yield* make("c", "team-c")
      yield* eventually(ask("/api/sessions", third), ({ status }) => status === 200)
      for (const path of routes.filter((route) => route !== "/v1/stats")) {
        assert.include((yield* ask(path, tokens.a)).text, "https://other/a", path)
        assert.include((yield* ask(path, tokens.b)).text, "https://one/b", path)
        assert.include((yield* ask(path, third)).text, "https://one/a", path)
      }
      assert.match((yield* ask("/api/sessions?page=1", tokens.b)).headers.get("cache-status") ?? "", /; hit;/)
    }).pipe(Effect.scoped)
  )

  it.live("wait for no fetch, no turn and no place of one another", () =>
    Effect.gen(function* () {
      const settings = { upstreamConcurrency: "1", maxConcurrent: "3" } as const
      const { api, ask, others, proxy, tokens } = yield* two(settings, ["a2", "a3"])
      const held: Array<ServerResponse> = []
      api.state.answer = (key, response) => key === keys.a && held.push(response) > 0
      const waiting = yield* Effect.forEach([tokens.a, ...others], (secret, n) =>
        Effect.forkScoped(ask(`/api/sessions?page=${n + 1}`, secret))
      )
      yield* eventually(metrics(proxy), (text) => text.includes("hb_sessions_proxy_requests_in_flight 3\n"))
      assert.lengthOf(held, 1)
      // The same page as one that is being fetched, where no place is left.
      const mine = yield* ask("/api/sessions?page=1", tokens.b)
      assert.strictEqual(mine.status, 200, mine.text)
      assert.include(mine.text, "https://one/b")
      yield* eventually(metrics(proxy), (text) => text.includes("hb_sessions_proxy_requests_in_flight 2\n"))
      yield* Effect.forEach(waiting, Fiber.interrupt)
    }).pipe(Effect.scoped)
  )

  it.live("keep their circuits, failures and metrics apart, and the proxy ready", () =>
    Effect.gen(function* () {
      const { api, ask, proxy, tokens } = yield* two({ breakerFailures: "2", breakerOpen: "1h", cacheNegative: "1h" })
      api.state.answer = (key, response) => {
        if (key === keys.a) response.writeHead(503).end("{}")
        return key === keys.a
      }
      for (let n = 0; n < 2; n++) assert.strictEqual((yield* ask(`/api/sessions?page=${n + 1}`, tokens.a)).status, 502)
      assert.strictEqual(problem((yield* ask("/api/sessions?page=9", tokens.a)).text), "upstream-unavailable")
      assert.strictEqual((yield* ask("/api/sessions?page=9", tokens.b)).status, 200)
      const text = yield* metrics(proxy)
      for (const [account, isOpen, isUsable] of [
        ["team-a", 1, 0],
        ["team-b", 0, 1]
      ] as const) {
        assert.include(text, `hb_sessions_proxy_breaker_open{account="${account}"} ${isOpen}\n`)
        assert.include(text, `hb_sessions_proxy_upstream_usable{account="${account}"} ${isUsable}\n`)
      }
      const ready = yield* get(`${proxy.adminUrl}/readyz`)
      assert.strictEqual(ready.status, 200)
      assert.deepStrictEqual(JSON.parse(ready.text), {
        status: "ready",
        accounts: {
          "team-a": { status: "failing", reason: "UpstreamUnavailable", circuit: "open" },
          "team-b": { status: "usable", circuit: "closed" }
        }
      })
    }).pipe(Effect.scoped)
  )

  it.live("of which one is rejected leave the other as it is; the operator is told the account, never the key", () =>
    Effect.gen(function* () {
      const { api, ask, proxy, tokens } = yield* two()
      api.state.accepted.delete(keys.a)
      const rejected = yield* ask("/api/sessions", tokens.a)
      assert.strictEqual(problem(rejected.text), "upstream-failed")
      assert.strictEqual((yield* ask("/api/sessions", tokens.b)).status, 200)
      const text = yield* metrics(proxy)
      assert.include(text, 'hb_sessions_proxy_key_rejected{account="team-a"} 1\n')
      assert.notInclude(text, 'hb_sessions_proxy_key_rejected{account="team-b"}')
      const ready = yield* get(`${proxy.adminUrl}/readyz`)
      assert.strictEqual(ready.status, 200)
      assert.include(ready.text, '"team-a":{"status":"failing","reason":"Unauthorized"')
      const log = proxy.logged.join("\n")
      assert.include(log, "the upstream rejected the API key of the account team-a; check ")
      for (const said of [rejected.text, text, ready.text, log]) {
        for (const key of Object.values(keys)) assert.notInclude(said, key)
      }
    }).pipe(Effect.scoped)
  )
})

describe("a token", () => {
  it.live("of no account, or of one that is not served, sees no sessions", () =>
    Effect.gen(function* () {
      const { api, ask, proxy, token } = yield* two()
      const [none, unknown] = [yield* token("none"), yield* token("unknown", "team-x")]
      yield* eventually(ask("/api/sessions", unknown), ({ status }) => status !== 401)
      for (const path of routes) {
        for (const [secret, said] of [
          [none, "belongs to no account"],
          [unknown, "the account team-x, which this proxy does not serve"]
        ] as const) {
          const { status, text } = yield* ask(path, secret)
          assert.deepStrictEqual([status, problem(text)], [403, "account-not-served"], path)
          assert.include(JSON.parse(text).message, said)
        }
      }
      assert.deepStrictEqual(api.seen, [])
      assert.strictEqual((yield* get(`${proxy.url}/`, { headers: { "x-api-key": none } })).status, 200)
    }).pipe(Effect.scoped)
  )

  it.live("of an account is of no use where there is a single key", () =>
    Effect.gen(function* () {
      const api = yield* world("one")
      const { given, token } = yield* files({})
      const [a, plain] = [yield* token("a", "team-a"), yield* token("plain")]
      const env = { HYPERBROWSER_API_KEY: keys.a, HYPERBROWSER_BASE_URL: api.url }
      const proxy = yield* InProcess.start({ tokensFile: given.tokensFile }, env)
      const ask = (secret: string) => get(`${proxy.url}/api/sessions`, { headers: { "x-api-key": secret } })
      assert.strictEqual(problem((yield* ask(a)).text), "account-not-served")
      assert.deepStrictEqual(api.seen, [])
      assert.strictEqual((yield* ask(plain)).status, 200)
      const warning = "1 of the tokens belong to no account that is served, such as a, which is of the account team-a"
      assert.lengthOf(
        proxy.logged.filter((line) => line.includes(warning)),
        1
      )
    }).pipe(Effect.scoped)
  )
})

describe("the files of accounts", () => {
  it.live("may hold every setting of the export", () =>
    Effect.gen(function* () {
      const file = join(yield* directory, "accounts.toml")
      const readme = readFileSync(new URL("../../export/README.md", import.meta.url), "utf8")
      const variables = new Set([...readme.matchAll(/HB_SESSIONS_(?:EXPORT_)?([A-Z_]+)/g)].map(([, name = ""]) => name))
      assert.isAbove(variables.size, 30)
      const lines = [...variables].map((name) => `${name.toLowerCase()} = "x"`)
      writeFileSync(file, ["[accounts.team-a]", 'api_key_file = "x"', ...lines].join("\n"))
      const [account] = yield* Accounts.read({ file, settings: {}, areOthersAllowed: true })
      assert.strictEqual(account?.name, "team-a")
    }).pipe(Effect.scoped)
  )

  it.live("change without a lost request: a key behind a symbolic link, and an account that comes", () =>
    Effect.gen(function* () {
      const api = yield* world("one")
      const { given, root, token, write } = yield* files({ "team-a": { url: api.url, key: keys.a } })
      const secret = yield* token("a", "team-a")
      // As Kubernetes does it.
      for (const [version, key] of Object.entries({ v1: keys.a, v2: keys.b })) {
        mkdirSync(join(root, version))
        writeFileSync(join(root, version, "key"), key)
      }
      symlinkSync("v1", join(root, "current"))
      writeFileSync(
        given.accounts,
        `[accounts.team-a]\napi_key_file = "current/key"\nbase_url = "${api.url}"\nout = "s3://x/y"\n`
      )
      const proxy = yield* InProcess.start({ ...given, cacheFresh: "0s", cacheStale: "0s", cacheError: "0s" })
      const ask = (key = secret) => get(`${proxy.url}/api/sessions`, { headers: { "x-api-key": key } })
      assert.include((yield* ask()).text, "https://one/a")
      symlinkSync("v2", join(root, "next"))
      renameSync(join(root, "next"), join(root, "current"))
      api.state.accepted.delete(keys.a)
      const { text } = yield* eventually(
        Effect.tap(ask(), (answer) => Effect.sync(() => assert.strictEqual(answer.status, 200, answer.text))),
        (answer) => answer.text.includes("https://one/b")
      )
      assert.include(text, "https://one/b")
      api.state.accepted.add(keys.a)
      write({ "team-b": { url: api.url, key: keys.a } })
      const other = yield* token("b", "team-b")
      yield* eventually(ask(other), ({ status }) => status === 200)
      // The other has gone meanwhile.
      assert.strictEqual(problem((yield* ask()).text), "account-not-served")
      const said = yield* metrics(proxy)
      assert.notInclude(said, 'upstream_usable{account="team-a"}')
      assert.include(said, 'upstream_usable{account="team-b"} 1\n')
    }).pipe(Effect.scoped)
  )

  it.live("end what is under way for an account that goes", () =>
    Effect.gen(function* () {
      const { api, ask, tokens, write } = yield* two()
      api.state.answer = () => true
      const waiting = yield* Effect.forkScoped(ask("/api/sessions", tokens.a))
      yield* eventually(
        Effect.sync(() => api.seen.length),
        (count) => count === 1
      )
      write({ "team-b": { url: api.url, key: keys.b } })
      const { status, text } = yield* Fiber.join(waiting)
      assert.deepStrictEqual([status, problem(text)], [403, "account-not-served"])
    }).pipe(Effect.scoped)
  )

  it.live("that cannot be used leave the accounts read before in force, and say so once", () =>
    Effect.gen(function* () {
      const { ask, given, proxy, tokens, write, api } = yield* two()
      for (const text of ["[accounts.team-a]\napi_key_fil = 'x'\n", "[accounts", ""]) {
        writeFileSync(given.accounts, text)
        const before = proxy.logged.length
        yield* eventually(
          Effect.sync(() => proxy.logged.slice(before)),
          (lines) => lines.some((line) => line.includes("the accounts read before stay in force"))
        )
        assert.strictEqual((yield* ask("/api/sessions", tokens.a)).status, 200)
      }
      yield* Effect.sleep(Duration.seconds(1))
      assert.lengthOf(
        proxy.logged.filter((line) => line.includes("stay in force")),
        3
      )
      assert.notInclude(yield* metrics(proxy), "hb_sessions_proxy_accounts_reload_failures 0\n")
      write({ "team-b": { url: api.url, key: keys.b } })
      yield* eventually(ask("/api/sessions", tokens.a), ({ status }) => status === 403)
    }).pipe(Effect.scoped)
  )

  it.live("without a key for one account serve the others; without any they end the start", () =>
    Effect.gen(function* () {
      const api = yield* world("one")
      const { given, root, token } = yield* files({ "team-a": { url: api.url, key: keys.a } })
      const broken = '[accounts.team-b]\napi_key_file = "key-b"\nbase_url = "' + api.url + '"\n'
      writeFileSync(given.accounts, broken)
      const [a, b] = [yield* token("a", "team-a"), yield* token("b", "team-b")]
      const failed = yield* Effect.flip(InProcess.start(given))
      assert.match(failed.message, /accounts\.toml: accounts\.team-b\.api_key_file: .*key-b: it does not exist/)
      writeFileSync(
        given.accounts,
        `[accounts.team-a]\napi_key_file = "key-team-a"\nbase_url = "${api.url}"\n${broken}`
      )
      const proxy = yield* InProcess.start(given)
      const ask = (secret: string) => get(`${proxy.url}/api/sessions`, { headers: { "x-api-key": secret } })
      assert.strictEqual((yield* ask(a)).status, 200)
      const { status, text } = yield* ask(b)
      assert.deepStrictEqual([status, problem(text)], [503, "upstream-unavailable"])
      assert.include(text, "the API key of this token's account cannot be read; tell the proxy's operator")
      assert.notInclude(text, root)
      assert.lengthOf(
        proxy.logged.filter((line) => line.includes("requests for the account get 503")),
        1
      )
      writeFileSync(join(root, "key-b"), keys.b)
      yield* eventually(ask(b), (answer) => answer.status === 200)
    }).pipe(Effect.scoped)
  )
})

describe("the commands of tokens", () => {
  it.live("keep the account of a token, and check it against the accounts file", () =>
    Effect.gen(function* () {
      const { given, token: write } = yield* files({ "team-a": { url: "http://127.0.0.1:1", key: keys.a } })
      const run = (...args: ReadonlyArray<string>) => tokenCommand(given.tokensFile, ...args)
      yield* write("plain")
      assert.notInclude((yield* run("list")).stdout, "ACCOUNT")
      const before = readFileSync(given.tokensFile, "utf8")
      const create = (...args: ReadonlyArray<string>) => run("create", "--name", "ci", ...args)
      for (const [args, said] of [
        [["--account", "Team A"], "--account: expected 1 to 63 characters from a-z, 0-9 and -"],
        [["--accounts", given.accounts], `--account is missing; the accounts of ${given.accounts} are team-a`],
        [["--accounts", given.accounts, "--account", "team-b"], "there is no account team-b; did you mean team-a?"]
      ] as const) {
        const { code, stderr } = yield* create(...args)
        assert.deepStrictEqual([code, stderr.trim().split("\n").length], [2, 1], stderr)
        assert.include(stderr, said)
      }
      assert.strictEqual(readFileSync(given.tokensFile, "utf8"), before)
      assert.strictEqual((yield* create("--accounts", given.accounts, "--account", "team-a")).code, 0)
      assert.strictEqual((yield* run("rotate", "--name", "ci")).code, 0)
      const { stdout } = yield* run("list", "--json")
      assert.deepStrictEqual(
        JSON.parse(stdout).map(({ account, state }: Record<string, string>) => [account, state]),
        [
          [undefined, "active"],
          ["team-a", "revoked"],
          ["team-a", "active"]
        ]
      )
      const table = (yield* run("list")).stdout.trim().split("\n")
      assert.match(table[0] ?? "", /^ID +NAME +ACCOUNT +STATE/)
      assert.match(table[1] ?? "", /plain +- +active/)
      assert.match(table[3] ?? "", /ci +team-a +active/)
    }).pipe(Effect.scoped)
  )
})

describe("the keys of accounts that have gone", () => {
  it.effect("are hidden too, those of the last hundred", () =>
    Effect.gen(function* () {
      const { add, all, retire } = yield* KnownKeys
      const sources = Array.from({ length: 102 }, (_, n) => {
        const key = Redacted.make(`key-${n}`)
        return { known: () => [key] }
      })
      for (const source of sources) add(source)
      for (const source of sources.slice(0, 101)) retire(source)
      const known = all().map(Redacted.value)
      assert.lengthOf(known, 101)
      assert.notInclude(known, "key-0")
      assert.includeMembers(known, ["key-1", "key-101"])
    }).pipe(Effect.provide(KnownKeys.layer))
  )
})
