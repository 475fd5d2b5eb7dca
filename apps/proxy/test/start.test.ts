/**
 * The beginning of `hb-sessions-proxy serve`, and what keeps it from beginning.
 */
import * as Bin from "@hb-sessions/app-kit/Bin"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { bin, get } from "./support/Proxy.ts"

const KEY = "hb_canary_proxy_31"

layer(Simulator.layer({ sessions: 20, apiKey: KEY, seed: "start" }), { excludeTestServices: true })("serve", (it) => {
  it.effect("does not start without tokens, and says how to make one", () =>
    Effect.gen(function* () {
      const env = { HYPERBROWSER_API_KEY: KEY }
      const run = (...args: ReadonlyArray<string>) => Bin.run(bin, ["serve", "--port", "0", ...args], env)
      const none = yield* run()
      assert.strictEqual(none.code, 2)
      assert.include(none.stderr, "token create")
      const missing = yield* run("--tokens-file", "/nowhere/tokens.json")
      assert.strictEqual(missing.code, 3)
      assert.include(missing.stderr, "token create")
      const everywhere = yield* run("--without-tokens", "--host", "0.0.0.0")
      assert.strictEqual(everywhere.code, 2)
      assert.match(everywhere.stderr, /loopback/)
    })
  )

  it.effect("does not start with a blank key", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* Bin.run(bin, ["serve", "--port", "0", "--without-tokens"], {
        HYPERBROWSER_API_KEY: " "
      })
      assert.strictEqual(code, 3)
      assert.include(stderr, "HYPERBROWSER_API_KEY is blank")
    })
  )

  it.effect("finds a port for operators where there is none after its own", () =>
    Effect.gen(function* () {
      const env = { HYPERBROWSER_API_KEY: KEY }
      const args = ["serve", "--port", "65535", "--without-tokens", "--host", "127.0.0.31"]
      const { firstLine } = yield* Bin.start(bin, args, env).pipe(Effect.orDie)
      assert.match(firstLine, /"url":"http:\/\/127\.0\.0\.31:65535"/)
    }).pipe(Effect.scoped)
  )

  it.effect("serves every caller with --without-tokens, on a loopback address", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const started = yield* Bin.start(bin, ["serve", "--port", "0", "--without-tokens"], {
        HYPERBROWSER_API_KEY: KEY,
        HYPERBROWSER_BASE_URL: simulator.url
      }).pipe(Effect.orDie)
      const { url } = JSON.parse(started.firstLine) as { url: string }
      assert.strictEqual((yield* get(`${url}/api/sessions`)).status, 200)
      assert.strictEqual((yield* get(`${url}/api/sessions`, { headers: { "x-api-key": "any" } })).status, 200)
    }).pipe(Effect.scoped)
  )

  it.effect("names a port that is taken", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const { port } = new URL(simulator.url)
      const env = { HYPERBROWSER_API_KEY: KEY, HYPERBROWSER_BASE_URL: simulator.url }
      const args = ["serve", "--port", port, "--admin-port", "0", "--without-tokens"]
      const { code, stderr } = yield* Bin.run(bin, args, env)
      assert.strictEqual(code, 1)
      assert.match(stderr, /^hb-sessions-proxy: cannot listen on 127\.0\.0\.1:\d+ \(EADDRINUSE\)[^\n]+\n$/)
    })
  )
})
