/**
 * The life of tokens, through the commands and a running server.
 */
import * as Bin from "@hb-sessions/app-kit/Bin"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { once } from "node:events"
import { chmodSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { dirname, join } from "node:path"
import * as Token from "../src/access/Token.ts"
import { bin, createToken, createTokenByCommand, directory, eventually, get, start, token } from "./support/Proxy.ts"

layer(Simulator.layer({ sessions: 57, seed: "tokens" }), { excludeTestServices: true })("tokens", (it) => {
  const statusFor = (url: string, secret: string, query = "") =>
    Effect.map(get(`${url}/api/sessions${query}`, { headers: { "x-api-key": secret } }), ({ status }) => status)

  it.effect("are printed once, and only their hashes are kept, in a private file", () =>
    Effect.gen(function* () {
      const file = join(yield* directory, "tokens.json")
      const { code, stderr, stdout } = yield* token(file, "create", "--name", "team-a", "--expires", "90d")
      assert.strictEqual(code, 0)
      assert.match(stdout, /^hbs_[0-9a-f]{16}_[A-Za-z0-9_-]{43}\n$/)
      assert.notInclude(stderr, stdout.trim())
      assert.strictEqual(statSync(file).mode & 0o777, 0o600)
      const kept = readFileSync(file, "utf8")
      assert.notInclude(kept, stdout.trim().slice(21))
      const listed = yield* token(file, "list", "--json")
      const [row] = JSON.parse(listed.stdout)
      assert.deepStrictEqual([row.name, row.state, row.scopes], ["team-a", "active", "read"])
      const days = (Date.parse(row.expires) - Date.parse(row.created)) / 86_400_000
      assert.strictEqual(days, 90)
      assert.notInclude(listed.stdout, JSON.parse(kept).tokens[0].sha256)
    }).pipe(Effect.scoped)
  )

  it.effect("are created, rotated with an overlap, and revoked without a restart", () =>
    Effect.gen(function* () {
      const proxy = yield* start(yield* Simulator)
      const file = proxy.tokensFile
      const first = yield* createToken(file, "team-a")
      yield* eventually(statusFor(proxy.url, first), (status) => status === 200)
      const rotated = yield* token(file, "rotate", "--name", "team-a", "--overlap", "1h")
      const second = rotated.stdout.trim()
      yield* eventually(statusFor(proxy.url, second), (status) => status === 200)
      assert.strictEqual(yield* statusFor(proxy.url, first), 200)
      const third = (yield* token(file, "rotate", "--name", "team-a")).stdout.trim()
      yield* eventually(statusFor(proxy.url, second), (status) => status !== 200)
      assert.include([401, 429], yield* statusFor(proxy.url, first))
      assert.strictEqual(yield* statusFor(proxy.url, third), 200)
      assert.strictEqual((yield* token(file, "revoke", "--name", "team-a")).code, 0)
      yield* eventually(statusFor(proxy.url, third), (status) => status !== 200)
      assert.strictEqual((yield* token(file, "revoke", "--name", "team-a")).code, 6)
      assert.strictEqual(yield* statusFor(proxy.url, proxy.token), 200)
    }).pipe(Effect.scoped)
  )

  it.effect("do not get a cached answer after they were revoked", () =>
    Effect.gen(function* () {
      const proxy = yield* start(yield* Simulator, ["--cache-fresh", "1h"])
      assert.strictEqual(yield* statusFor(proxy.url, proxy.token), 200)
      yield* token(proxy.tokensFile, "revoke", "--name", "test")
      yield* eventually(statusFor(proxy.url, proxy.token), (status) => status !== 200)
      assert.include([401, 429], yield* statusFor(proxy.url, ""))
    }).pipe(Effect.scoped)
  )

  it.effect("end at once when they are revoked or replaced, also where the clock is a day behind", () =>
    Effect.gen(function* () {
      const preload = join(yield* directory, "clock.mjs")
      writeFileSync(preload, "const { now } = Date; Date.now = () => now() - 86_400_000")
      const proxy = yield* start(yield* Simulator, [], { NODE_OPTIONS: `--import=${preload}` })
      const replaced = yield* createToken(proxy.tokensFile, "replaced")
      yield* eventually(statusFor(proxy.url, replaced), (status) => status === 200)
      yield* token(proxy.tokensFile, "revoke", "--name", "test")
      const rotated = (yield* token(proxy.tokensFile, "rotate", "--name", "replaced")).stdout.trim()
      yield* eventually(statusFor(proxy.url, rotated), (status) => status === 200)
      for (const old of [proxy.token, replaced]) assert.include([401, 429], yield* statusFor(proxy.url, old))
    }).pipe(Effect.scoped)
  )

  it.effect("look alike when they are unknown, expired, revoked or damaged", () =>
    Effect.gen(function* () {
      const proxy = yield* start(yield* Simulator)
      const file = proxy.tokensFile
      const expired = yield* createToken(file, "short", { expiresAt: Date.now() + 1 })
      const revoked = yield* createToken(file, "gone")
      yield* token(file, "revoke", "--name", "gone")
      // Asking until the file has been read would use up what an address may fail.
      yield* Effect.sleep("1500 millis")
      const unknown = `hbs_${"0".repeat(16)}_${"A".repeat(43)}`
      const damaged = `${proxy.token.slice(0, -1)}${proxy.token.endsWith("A") ? "B" : "A"}`
      const answers = yield* Effect.forEach([unknown, expired, revoked, damaged, "x", ""], (secret) =>
        get(`${proxy.url}/api/sessions`, { headers: { "x-api-key": secret, "x-request-id": "same" } })
      )
      const shapes = answers.map(({ headers, status, text }) =>
        JSON.stringify([status, [...headers].filter(([name]) => name !== "date"), text])
      )
      assert.strictEqual(new Set(shapes).size, 1, shapes.join("\n"))
      assert.strictEqual(answers[0]?.status, 401)
      assert.match(answers[0]?.headers.get("www-authenticate") ?? "", /^Bearer/)
    }).pipe(Effect.scoped)
  )

  it.effect("are throttled by address when they are rejected; valid ones are not affected", () =>
    Effect.gen(function* () {
      const proxy = yield* start(yield* Simulator)
      const tries = yield* Effect.forEach(Array.from({ length: 12 }), () =>
        get(`${proxy.url}/api/sessions`, { headers: { "x-api-key": "guess" } })
      )
      assert.deepStrictEqual(
        tries.map(({ status }) => status),
        [...Array.from({ length: 10 }, () => 401), 429, 429]
      )
      assert.isAtLeast(Number(tries.at(-1)?.headers.get("retry-after")), 1)
      assert.strictEqual(yield* statusFor(proxy.url, proxy.token), 200)
    }).pipe(Effect.scoped)
  )

  it.effect("may be limited to statuses, everywhere", () =>
    Effect.gen(function* () {
      const proxy = yield* start(yield* Simulator)
      const closed = yield* createTokenByCommand(proxy.tokensFile, "closed-only", "--statuses", "closed,error")
      yield* eventually(statusFor(proxy.url, closed, "?status=closed"), (status) => status === 200)
      // The list without a filter is in the cache now, and still not for this token.
      assert.strictEqual(yield* statusFor(proxy.url, proxy.token), 200)
      assert.strictEqual(yield* statusFor(proxy.url, closed), 403)
      assert.strictEqual(yield* statusFor(proxy.url, closed, "?status=active"), 403)
      const headers = { "x-api-key": closed }
      const path = (text: string) => Effect.map(get(proxy.url + text, { headers }), ({ status }) => status)
      assert.strictEqual(yield* path("/v1/sessions"), 403)
      assert.strictEqual(yield* path("/v1/sessions?status=closed,active"), 403)
      assert.strictEqual(yield* path("/v1/sessions?status=closed,error"), 200)
      assert.strictEqual(yield* path("/v1/stats"), 403)
      assert.strictEqual(yield* path("/v1/stats?status=error"), 200)
      const { world } = yield* Simulator
      const find = (status: string) => world.ids(status)[0]
      assert.strictEqual(yield* path(`/v1/sessions/${find("active")}`), 404)
      assert.strictEqual(yield* path(`/v1/sessions/${find("closed")}`), 200)
    }).pipe(Effect.scoped)
  )

  it.effect("never see what an upstream adds to the statuses that it was asked for, not even as a number", () =>
    Effect.gen(function* () {
      const sessions = ["closed", "active", "closed", "error", "active"].map((status, index) => ({
        id: `s-${index}`,
        status,
        createdAt: "2026-01-01T00:00:00Z"
      }))
      // Has no filter, or one that means something else.
      const server = createServer((request, response) => {
        const page = Number(new URL(request.url ?? "", "http://a").searchParams.get("page") ?? 1)
        response.end(JSON.stringify({ sessions: page === 1 ? sessions : [], totalCount: 5, page, perPage: 10 }))
      }).listen(0, "127.0.0.1")
      yield* Effect.addFinalizer(() => Effect.sync(() => server.close()))
      yield* Effect.promise(() => once(server, "listening"))
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      const proxy = yield* start({ url, apiKey: "another-key" }, ["--cache-fresh", "1h"])
      const closed = yield* createToken(proxy.tokensFile, "closed-only", { statuses: ["closed"] })
      yield* eventually(statusFor(proxy.url, closed), (status) => status === 403)
      const ask = (secret: string, path: string) =>
        Effect.map(get(proxy.url + path, { headers: { "x-api-key": secret } }), ({ text }) => JSON.parse(text))
      assert.strictEqual((yield* ask(proxy.token, "/v1/stats?status=closed")).stats.sessions, 5)
      const { report, stats } = yield* ask(closed, "/v1/stats?status=closed")
      assert.deepStrictEqual(Object.keys(stats.byStatus), ["closed"])
      assert.deepStrictEqual(
        [stats.sessions, report.rowsRead, report.emittedRows, report.totalCountFirst],
        [2, 2, 2, undefined]
      )
      const list = yield* ask(closed, "/v1/sessions.json?status=closed")
      assert.deepStrictEqual(
        list.sessions.map(({ id }: { id: string }) => id),
        ["s-0", "s-2"]
      )
      assert.deepStrictEqual([list.report.distinctRows, list.report.totalCountLast], [2, undefined])
      assert.strictEqual(yield* statusFor(proxy.url, closed, "?status=closed"), 502)
    }).pipe(Effect.scoped)
  )

  it.effect("stay in force while their file is gone or damaged, which is reported", () =>
    Effect.gen(function* () {
      const proxy = yield* start(yield* Simulator)
      const kept = readFileSync(proxy.tokensFile)
      rmSync(proxy.tokensFile)
      yield* Effect.sleep("800 millis")
      writeFileSync(proxy.tokensFile, "{", { mode: 0o600 })
      yield* Effect.sleep("800 millis")
      assert.strictEqual(yield* statusFor(proxy.url, proxy.token), 200)
      assert.include([401, 429], yield* statusFor(proxy.url, "other"))
      writeFileSync(proxy.tokensFile, kept, { mode: 0o600 })
      const late = yield* createToken(proxy.tokensFile, "late")
      yield* eventually(statusFor(proxy.url, late), (status) => status === 200)
      const { stderr } = yield* proxy.stop("SIGTERM")
      assert.include(stderr, "stay in force")
    }).pipe(Effect.scoped)
  )

  it.effect("are rejected in a file that others can read", () =>
    Effect.gen(function* () {
      const file = join(yield* directory, "tokens.json")
      yield* createToken(file, "a")
      chmodSync(file, 0o644)
      const { code, stderr } = yield* token(file, "list")
      assert.strictEqual(code, 3)
      assert.include(stderr, "chmod 600")
    }).pipe(Effect.scoped)
  )

  it.effect("need a file, in a directory that exists, and a plain name", () =>
    Effect.gen(function* () {
      const path = yield* directory
      for (const [args, code, text] of [
        [["list", "--tokens-file", path], 3, "it is a directory, not a file"],
        [
          ["create", "--name", "a", "--tokens-file", join(path, "none/tokens.json")],
          2,
          "does not exist; make it first"
        ],
        [["create", "--name", "a b", "--tokens-file", join(path, "tokens.json")], 2, "letters, digits, dots"]
      ] as const) {
        const result = yield* Bin.run(bin, ["token", ...args])
        assert.deepStrictEqual([result.code, result.stdout], [code, ""])
        assert.include(result.stderr, text)
      }
      assert.deepStrictEqual(readdirSync(path), [])
    }).pipe(Effect.scoped)
  )

  it.effect("are all kept when many are made at once, and nothing else is left behind", () =>
    Effect.gen(function* () {
      const file = join(yield* directory, "tokens.json")
      const names = ["a", "b", "c", "d", "e", "f"]
      yield* Effect.forEach(names, (name) => createTokenByCommand(file, name), { concurrency: 6 })
      const { stdout } = yield* token(file, "list", "--json")
      assert.deepStrictEqual(
        JSON.parse(stdout)
          .map((row: { name: string }) => row.name)
          .toSorted(),
        names
      )
      assert.deepStrictEqual(readdirSync(dirname(file)), ["tokens.json"])
      const again = yield* token(file, "create", "--name", "a")
      assert.strictEqual(again.code, 2)
      assert.include(again.stderr, "rotate")
    }).pipe(Effect.scoped)
  )

  it.effect("are proven by all of their text", () =>
    Effect.sync(() => {
      const { record, token: secret } = Token.generate({ name: "a", scopes: ["read"], createdAt: 0, expiresAt: 2 })
      const { authenticate } = Token.authenticator({ version: 1, tokens: [record] })
      // The second time it is known.
      assert.deepStrictEqual(
        [0, 1, 2, 1].map((now) => authenticate(secret, now)?.name),
        ["a", "a", undefined, "a"]
      )
      for (let index = 0; index < secret.length; index++) {
        const other = secret[index] === "a" ? "b" : "a"
        assert.isUndefined(authenticate(secret.slice(0, index) + other + secret.slice(index + 1), 1), String(index))
      }
      assert.isUndefined(authenticate(`${secret} `, 1))
      assert.isUndefined(authenticate(secret.slice(0, -1), 1))
    })
  )
})
