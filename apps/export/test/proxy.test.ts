/**
 * The built export behind a proxy of the network.
 */
import * as NetworkProxy from "@hb-sessions/app-kit/NetworkProxy"
import { assert, it } from "@effect/vitest"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { Effect } from "effect"
import { readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { environment, manifestOf, run, scratch } from "./support.ts"

it.live("goes through HTTP_PROXY with its password, and past it where NO_PROXY says so", () =>
  Effect.gen(function* () {
    const simulator = yield* Simulator
    const { seen, url: proxy } = yield* NetworkProxy.start(simulator.url)
    const out = yield* scratch
    const env = { ...environment(simulator), HTTP_PROXY: proxy }
    const through = yield* run(env, "run", "--out", out)
    assert.strictEqual(through.code, 0, through.stderr)
    assert.isNotEmpty(seen)
    for (const { target } of seen) assert.isTrue(target.startsWith(`${simulator.url}/api/sessions`), target)
    assert.notInclude(through.stdout + through.stderr, "canary")
    const before = seen.length
    const past = yield* run({ ...env, NO_PROXY: "127.0.0.0/8" }, "run", "--out", out)
    assert.strictEqual(past.code, 0, past.stderr)
    assert.lengthOf(seen, before)
  }).pipe(Effect.provide(Simulator.layer({ sessions: 30 })), Effect.scoped)
)

it.live("exports a server that only the tunnel of HTTPS_PROXY reaches, and keeps the password out of every file", () =>
  Effect.gen(function* () {
    const simulator = yield* Simulator
    const { seen, url: proxy } = yield* NetworkProxy.start(simulator.url)
    const out = join(yield* scratch, "out")
    const metrics = join(out, "..", "metrics.prom")
    const env = {
      ...environment({ apiKey: simulator.apiKey, url: NetworkProxy.hiddenUrl }),
      NODE_EXTRA_CA_CERTS: NetworkProxy.certificateFile,
      HTTPS_PROXY: proxy
    }
    const words = ["--mode", "incremental", "--metrics-file", metrics, "--log-format", "json"]
    const { code, stderr, stdout } = yield* run(env, "run", "--out", out, ...words)
    assert.strictEqual(code, 0, stderr)
    assert.strictEqual(manifestOf(out).report.completeness.status, "proven")
    assert.isNotEmpty(seen)
    for (const { method, target } of seen) assert.deepStrictEqual([method, target], ["CONNECT", "sessions.test:443"])
    assert.notInclude(stdout + stderr, "canary")
    const files = readdirSync(join(out, ".."), { recursive: true, encoding: "utf8" }).map((name) =>
      join(out, "..", name)
    )
    const texts = files.filter((file) => statSync(file).isFile()).map((file) => readFileSync(file, "latin1"))
    assert.isAtLeast(texts.length, 3)
    for (const text of texts) assert.notInclude(text, "canary")
  }).pipe(Effect.provide(Simulator.layer({ sessions: 30 })), Effect.scoped)
)

it.live("asks HTTPS_PROXY for a tunnel once where it is rejected, and shows no password", () =>
  Effect.gen(function* () {
    const { host, seen } = yield* NetworkProxy.start("http://127.0.0.1:9")
    const env = environment({ apiKey: "key", url: "https://api.invalid" })
    const https_proxy = `http://user:canary@${host}`
    const { code, stderr } = yield* run({ ...env, https_proxy }, "run", "--out", yield* scratch)
    assert.strictEqual(code, 4)
    assert.match(stderr, /the proxy rejects the request \(ERR_PROXY_TUNNEL\)/)
    assert.notInclude(stderr, "canary")
    assert.deepStrictEqual(seen, [
      { method: "CONNECT", target: "api.invalid:443", authorization: `Basic ${btoa("user:canary")}` }
    ])
  }).pipe(Effect.scoped)
)

for (const value of ["socks5://u:canary@host", "http://", "http://u:%zzcanary@host"]) {
  it.live(`rejects HTTPS_PROXY=${value}`, () =>
    Effect.gen(function* () {
      const env = environment({ apiKey: "key", url: "https://api.invalid" })
      const { code, stderr } = yield* run({ ...env, HTTPS_PROXY: value }, "run", "--out", yield* scratch)
      assert.strictEqual(code, 2)
      assert.match(stderr, /HTTPS_PROXY (names a socks5 proxy|is not the URL of a proxy)/)
      assert.notInclude(stderr, "canary")
    }).pipe(Effect.scoped)
  )
}
