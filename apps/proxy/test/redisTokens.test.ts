/**
 * Tokens that are kept in Redis.
 */
import * as Bin from "@hb-sessions/app-kit/Bin"
import { hasRedis } from "@hb-sessions/redis/Redis"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as InProcess from "./support/InProcess.ts"
import { bin, directory, eventually, get } from "./support/Proxy.ts"
import { envOf, notingUpstream, redis, replicas } from "./support/Replicas.ts"
import { join } from "node:path"
import { writeFileSync } from "node:fs"

/** Runs `token` on a Redis. */
const token = (url: string, ...args: ReadonlyArray<string>) =>
  Bin.run(bin, ["token", ...args], { HB_SESSIONS_PROXY_REDIS: url })

const create = (url: string, name: string) =>
  Effect.flatMap(token(url, "create", "--name", name), ({ code, stderr, stdout }) =>
    code === 0 ? Effect.succeed(stdout.trim()) : Effect.die(new Error(stderr))
  )

const statusWith = (proxy: { readonly url: string }, secret: string) =>
  Effect.map(get(`${proxy.url}/api/sessions`, { headers: { "x-api-key": secret } }), ({ status }) => status)

describe.skipIf(!hasRedis)("tokens in Redis", () => {
  it.live("are made, listed, rotated and revoked there; a revocation holds in all replicas within a second", () =>
    Effect.gen(function* () {
      const server = yield* redis()
      const api = yield* notingUpstream()
      const [a, b] = yield* Effect.all([create(server.url, "a"), create(server.url, "b")], { concurrency: 2 })
      const listed = yield* token(server.url, "list", "--json")
      assert.deepStrictEqual(
        JSON.parse(listed.stdout)
          .map(({ name }: { name: string }) => name)
          .toSorted(),
        ["a", "b"]
      )
      const all = yield* Effect.promise(() => server.send("HGETALL", "hb-sessions-proxy:v1:tokens"))
      assert.include(all, '"sha256"')
      for (const secret of [a, b]) assert.notInclude(all, secret.slice(-43))
      const proxies = yield* replicas(3, { redis: server.url }, envOf(api))
      for (const proxy of proxies) {
        assert.strictEqual(yield* statusWith(proxy, a), 200)
        assert.strictEqual(yield* statusWith(proxy, b), 200)
      }
      assert.strictEqual((yield* token(server.url, "revoke", "--name", "a")).code, 0)
      yield* Effect.timeoutOrElse(
        Effect.forEach(proxies, (proxy) => eventually(statusWith(proxy, a), (status) => status === 401)),
        { duration: "1 second", orElse: () => Effect.die(new Error("it does not hold everywhere")) }
      )
      const rotated = yield* token(server.url, "rotate", "--name", "b")
      for (const proxy of proxies) {
        yield* eventually(statusWith(proxy, b), (status) => status === 401)
        assert.strictEqual(yield* statusWith(proxy, rotated.stdout.trim()), 200)
      }
      assert.strictEqual((yield* token(server.url, "revoke", "--name", "a")).code, 6)
    })
  )

  it.live("tell when they were last used, by whichever replica, until they are gone or the time was wrong", () =>
    Effect.gen(function* () {
      const server = yield* redis()
      const api = yield* notingUpstream()
      const secrets = yield* Effect.forEach(["a", "b", "c"], (name) => create(server.url, name))
      const [a = "", b = "", c = ""] = secrets.map((secret) => secret.slice(4, 20))
      const key = "hb-sessions-proxy:v1:last-used"
      const lastUses = Effect.map(token(server.url, "list", "--json"), ({ stdout }) =>
        (JSON.parse(stdout) as ReadonlyArray<{ lastUsed?: string }>).map(({ lastUsed }) => lastUsed)
      )
      // Used by another replica, that of a clock that was ahead, of a token that is gone, and nonsense.
      yield* Effect.promise(() =>
        server.send("HSET", key, a, "8000000000000000", b, "1700000000000", "gone", "1", c, "1e300")
      )
      assert.deepStrictEqual((yield* lastUses).slice(1), ["2023-11-14T22:13:20Z", undefined])
      const from = Date.now()
      yield* Effect.scoped(
        Effect.gen(function* () {
          const proxies = yield* replicas(2, { redis: server.url }, envOf(api))
          for (const [index, proxy] of proxies.entries()) {
            assert.strictEqual(yield* statusWith(proxy, secrets[index * 2] ?? ""), 200)
          }
        })
      )
      const [ofA = "", ofB, ofC = ""] = yield* lastUses
      assert.strictEqual(ofB, "2023-11-14T22:13:20Z")
      for (const time of [ofA, ofC]) {
        assert.isAtLeast(Date.parse(time), from - 1000)
        assert.isAtMost(Date.parse(time), Date.now())
      }
      const ids = yield* Effect.promise(() => server.send("HKEYS", key))
      assert.deepStrictEqual(ids.split("\n").toSorted(), [a, b, c].toSorted())
      yield* Effect.promise(() => server.send("SET", key, "foreign"))
      assert.deepStrictEqual(yield* lastUses, [undefined, undefined, undefined])
    })
  )

  it.live("are known to hold no longer where no message tells of it", () =>
    Effect.gen(function* () {
      const server = yield* redis()
      const api = yield* notingUpstream()
      const secret = yield* create(server.url, "a")
      const proxy = yield* InProcess.start({ redis: server.url }, envOf(api))
      assert.strictEqual(yield* statusWith(proxy, secret), 200)
      const key = "hb-sessions-proxy:v1:tokens"
      yield* Effect.promise(() => server.send("HSET", key, "version", "7", "list", '{"version":1,"tokens":[]}'))
      yield* eventually(statusWith(proxy, secret), (status) => status === 401)
    })
  )

  it.live("stay in force for a time without Redis, and where it has lost them", () =>
    Effect.gen(function* () {
      const server = yield* redis()
      const api = yield* notingUpstream()
      const secret = yield* create(server.url, "a")
      const proxy = yield* InProcess.start({ redis: server.url, staleTokens: "2s" }, envOf(api))
      yield* Effect.promise(server.kill)
      assert.strictEqual(yield* statusWith(proxy, secret), 200)
      yield* eventually(statusWith(proxy, secret), (status) => status === 503)
      const ready = yield* get(`${proxy.adminUrl}/readyz`)
      assert.strictEqual(ready.status, 503)
      yield* Effect.promise(server.restart)
      yield* eventually(
        Effect.sync(() => proxy.logged.join("\n")),
        (log) => log.includes("there are none")
      )
      assert.strictEqual(yield* statusWith(proxy, secret), 503)
      const fresh = yield* create(server.url, "a")
      yield* eventually(statusWith(proxy, fresh), (status) => status === 200)
      assert.strictEqual(yield* statusWith(proxy, secret), 401)
    })
  )

  it.live("are waited for by a server that starts without Redis; with one that has none it does not start", () =>
    Effect.gen(function* () {
      const server = yield* redis()
      const api = yield* notingUpstream()
      const error = (yield* Effect.flip(InProcess.start({ redis: server.url }, envOf(api)))) as { message: string }
      assert.match(error.message, /token create/)
      yield* Effect.promise(() => server.send("SET", "hb-sessions-proxy:v1:tokens", "something else"))
      const other = (yield* Effect.flip(InProcess.start({ redis: server.url }, envOf(api)))) as { message: string }
      assert.match(other.message, /not a list of tokens/)
      yield* Effect.promise(server.kill)
      const proxy = yield* InProcess.start({ redis: server.url }, envOf(api))
      assert.strictEqual(yield* statusWith(proxy, "hbs_any"), 503)
      yield* Effect.promise(server.restart)
      const secret = yield* create(server.url, "a")
      yield* eventually(statusWith(proxy, secret), (status) => status === 200)
    })
  )

  it.live("are found by a URL in a file; a command says what is wrong, without the password", () =>
    Effect.gen(function* () {
      const server = yield* redis({ password: "right-secret" })
      const file = join(yield* directory, "redis-url")
      writeFileSync(file, `${server.url.replace("//", "//:right-secret@")}\n`)
      const run = (...args: ReadonlyArray<string>) => Bin.run(bin, ["token", "list", ...args])
      yield* Bin.run(bin, ["token", "create", "--name", "a", "--redis-file", file])
      assert.include((yield* run("--redis-file", file)).stdout, "active")
      writeFileSync(file, `${server.url.replace("//", "//:wrong-secret@")}\n`)
      const cases: ReadonlyArray<readonly [args: ReadonlyArray<string>, code: number, told: RegExp]> = [
        [["--redis-file", file], 3, /does not accept the user and the password/],
        [["--redis", "redis://127.0.0.1:1"], 4, /ECONNREFUSED/],
        [["--redis", "redis://:wrong-secret@:1"], 2, /expected redis/],
        [["--redis", server.url, "--tokens-file", "a.json"], 2, /leave one of them out/],
        [[], 2, /--tokens-file is missing/]
      ]
      for (const [args, code, told] of cases) {
        const exited = yield* run(...args)
        assert.match(exited.stderr, told)
        assert.strictEqual(exited.code, code)
        assert.notInclude(exited.stderr, "secret")
        assert.strictEqual(exited.stderr.trim().split("\n").length, 1)
      }
    })
  )

  it.live("are reached by TLS, with a certificate of an authority that the operator names", () =>
    Effect.gen(function* () {
      const server = yield* redis({ tls: true })
      const run =
        (...args: ReadonlyArray<string>) =>
        (env: Bin.Env) =>
          Bin.run(bin, ["token", ...args, "--redis", server.url], env)
      const trusting = { NODE_EXTRA_CA_CERTS: server.ca }
      assert.strictEqual((yield* run("create", "--name", "a")(trusting)).code, 0)
      assert.include((yield* run("list")(trusting)).stdout, "active")
      const rejected = yield* run("list")({})
      assert.strictEqual(rejected.code, 2)
      assert.match(rejected.stderr, /certificate is not accepted.*NODE_EXTRA_CA_CERTS/)
    })
  )
})
