/**
 * The built proxy whose way to the upstream leads through a proxy of the network.
 */
import * as Bin from "@hb-sessions/app-kit/Bin"
import * as NetworkProxy from "@hb-sessions/app-kit/NetworkProxy"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { bin, createToken, directory, get, serve, start } from "./support/Proxy.ts"

const SESSIONS = 45

layer(Simulator.layer({ sessions: SESSIONS }), { excludeTestServices: true })("a proxy of the network", (it) => {
  /** Starts both; `said` ends the proxy and gives all that it ever wrote. */
  const setup = Effect.fnUntraced(function* (base: string | undefined, env: (url: string) => Bin.Env) {
    const { apiKey, url } = yield* Simulator
    const network = yield* NetworkProxy.start(url)
    const proxy = yield* start({ apiKey, url: base ?? url }, ["--log-level", "trace"], {
      NODE_EXTRA_CA_CERTS: NetworkProxy.certificateFile,
      ...env(network.url)
    })
    const ask = (path: string) => get(proxy.url + path, { headers: proxy.auth })
    const assertHidden = Effect.gen(function* () {
      const metrics = yield* get(`${proxy.adminUrl}/metrics`)
      const { stderr, stdout } = yield* proxy.stop("SIGTERM")
      assert.include(stderr, "/api/sessions")
      for (const text of [metrics.text, stderr, stdout]) {
        for (const secret of ["canary", NetworkProxy.password, apiKey]) assert.notInclude(text, secret)
      }
    })
    return { network, ask, assertHidden }
  })

  it.effect("gives a tunnel to an upstream that only it can reach", () =>
    Effect.gen(function* () {
      const { ask, assertHidden, network } = yield* setup(NetworkProxy.hiddenUrl, (url) => ({ HTTPS_PROXY: url }))
      const page = yield* ask("/api/sessions?page=2")
      assert.strictEqual(page.status, 200, page.text)
      assert.lengthOf(JSON.parse(page.text).sessions, 10)
      const list = yield* ask("/v1/sessions.json")
      assert.lengthOf(JSON.parse(list.text).sessions, SESSIONS)
      assert.isNotEmpty(network.seen)
      for (const { method, target } of network.seen) {
        assert.deepStrictEqual([method, target], ["CONNECT", "sessions.test:443"])
      }
      yield* assertHidden
    }).pipe(Effect.scoped)
  )

  it.effect("is sent requests for http, and is left out where NO_PROXY says so", () =>
    Effect.gen(function* () {
      const { url } = yield* Simulator
      const through = yield* setup(undefined, (proxy) => ({ HTTP_PROXY: proxy }))
      assert.strictEqual((yield* through.ask("/api/sessions?page=3")).status, 200)
      assert.deepStrictEqual(
        through.network.seen.map(({ method, target }) => [method, target]),
        [["GET", `${url}/api/sessions?page=3`]]
      )
      yield* through.assertHidden
      const past = yield* setup(undefined, (proxy) => ({ HTTP_PROXY: proxy, no_proxy: "localhost,127.0.0.1" }))
      assert.strictEqual((yield* past.ask("/api/sessions")).status, 200)
      assert.deepStrictEqual(past.network.seen, [])
    }).pipe(Effect.scoped)
  )

  it.effect("that rejects the password is a problem for the client, without a word of the password", () =>
    Effect.gen(function* () {
      const { ask, assertHidden } = yield* setup(NetworkProxy.hiddenUrl, (url) => ({
        HTTPS_PROXY: url.replace(/:[^:@]+@/, ":wrong-canary@")
      }))
      const { status, text } = yield* ask("/api/sessions")
      assert.strictEqual(status, 502)
      assert.notInclude(text, "canary")
      yield* assertHidden
    }).pipe(Effect.scoped)
  )

  it.effect("is on the way to the accounts whose servers it is for", () =>
    Effect.gen(function* () {
      const { apiKey, url } = yield* Simulator
      const network = yield* NetworkProxy.start(url)
      const root = yield* directory
      const accounts = join(root, "accounts.toml")
      writeFileSync(
        accounts,
        [
          `[defaults]\napi_key_env = "KEY"\nbase_url = "${NetworkProxy.hiddenUrl}"`,
          "[accounts.through]",
          `[accounts.past]\nbase_url = "${url}"`
        ].join("\n")
      )
      const tokensFile = join(root, "tokens.json")
      const names = ["through", "past"] as const
      const tokens = yield* Effect.forEach(names, (account) => createToken(tokensFile, account, { account }))
      const proxy = yield* serve({ apiKey: "", url: "" }, tokensFile, ["--accounts", accounts], {
        KEY: apiKey,
        NODE_EXTRA_CA_CERTS: NetworkProxy.certificateFile,
        HTTPS_PROXY: network.url,
        HTTP_PROXY: network.url,
        NO_PROXY: "127.0.0.1"
      })
      for (const token of tokens) {
        const { status, text } = yield* get(`${proxy.url}/api/sessions`, { headers: { "x-api-key": token } })
        assert.strictEqual(status, 200, text)
        assert.lengthOf(JSON.parse(text).sessions, 10)
      }
      assert.deepStrictEqual(
        network.seen.map(({ method, target }) => [method, target]),
        [["CONNECT", "sessions.test:443"]]
      )
    }).pipe(Effect.scoped)
  )

  it.effect("that is none ends the start with exit code 2", () =>
    Effect.gen(function* () {
      const tokens = join(yield* directory, "tokens.json")
      yield* createToken(tokens, "test")
      for (const value of ["socks5://u:canary@host", "http://", "http://u:%zzcanary@host"]) {
        const env = { HYPERBROWSER_API_KEY: "key", HTTPS_PROXY: value }
        const { code, stderr, stdout } = yield* Bin.run(bin, ["serve", "--port", "0", "--tokens-file", tokens], env)
        assert.strictEqual(code, 2, stderr)
        assert.match(stderr, /HTTPS_PROXY (names a socks5 proxy|is not the URL of a proxy)/)
        assert.notInclude(stdout + stderr, "canary")
      }
    }).pipe(Effect.scoped)
  )
})
