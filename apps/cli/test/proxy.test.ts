/**
 * The installed program behind a proxy of the network.
 */
import * as NetworkProxy from "@hb-sessions/app-kit/NetworkProxy"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { KEY, lines, runInstalled } from "./Cli.ts"

const SESSIONS = 25

layer(Simulator.layer({ sessions: SESSIONS, apiKey: KEY }), { excludeTestServices: true })("a proxy", (it) => {
  const setup = Effect.gen(function* () {
    const { url } = yield* Simulator
    const proxy = yield* NetworkProxy.start(url)
    const env = { HYPERBROWSER_API_KEY: KEY, NODE_EXTRA_CA_CERTS: NetworkProxy.certificateFile }
    return { proxy, url, env }
  })

  /** Runs with every form of diagnostics; neither the password nor the key may be in them. */
  const runTalking = (args: ReadonlyArray<string>, env: Record<string, string>) =>
    Effect.map(runInstalled([...args, "--verbose"], { env }), (exited) => {
      const said = exited.stdout + exited.stderr
      for (const secret of [NetworkProxy.password, encodeURIComponent(NetworkProxy.password), "canary", KEY]) {
        assert.notInclude(said, secret)
      }
      return exited
    })

  it.effect("of HTTPS_PROXY gives a tunnel to a server that only it can reach", () =>
    Effect.gen(function* () {
      const { env, proxy } = yield* setup
      const at = { ...env, HYPERBROWSER_BASE_URL: NetworkProxy.hiddenUrl, HTTPS_PROXY: proxy.url }
      const list = yield* runTalking(["list", "--all", "--strict", "--format", "ndjson"], at)
      assert.deepStrictEqual([list.code, lines(list.stdout).length], [0, SESSIONS], list.stderr)
      assert.isNotEmpty(proxy.seen)
      for (const { method, target } of proxy.seen) {
        assert.deepStrictEqual([method, target], ["CONNECT", "sessions.test:443"])
      }
      const doctor = yield* runTalking(["doctor"], at)
      assert.strictEqual(doctor.code, 0, doctor.stdout)
      assert.include(doctor.stdout, `proxy                    http://${proxy.host} (environment HTTPS_PROXY)\n`)
      assert.strictEqual((yield* runTalking(["auth", "status"], at)).code, 0)
    }).pipe(Effect.scoped)
  )

  it.effect("that cannot be trusted to end the TLS connection is an error, as without it", () =>
    Effect.gen(function* () {
      const { proxy } = yield* setup
      const at = {
        HYPERBROWSER_API_KEY: KEY,
        HYPERBROWSER_BASE_URL: NetworkProxy.hiddenUrl,
        HTTPS_PROXY: proxy.url,
        HB_SESSIONS_RETRIES: "3"
      }
      const { code, stderr } = yield* runTalking(["list"], at)
      assert.strictEqual(code, 4)
      assert.match(stderr, /certificate/)
      assert.lengthOf(proxy.seen, 1)
    }).pipe(Effect.scoped)
  )

  it.effect("of HTTP_PROXY is sent requests for http, and those of NO_PROXY go past it", () =>
    Effect.gen(function* () {
      const { env, proxy, url } = yield* setup
      const at = { ...env, HYPERBROWSER_BASE_URL: url, http_proxy: proxy.url, HTTP_PROXY: "http://127.0.0.1:9" }
      const through = yield* runTalking(["list", "--all", "--format", "ndjson"], at)
      assert.deepStrictEqual([through.code, lines(through.stdout).length], [0, SESSIONS], through.stderr)
      assert.isNotEmpty(proxy.seen)
      for (const { method, target } of proxy.seen) {
        assert.strictEqual(method, "GET")
        assert.isTrue(target.startsWith(`${url}/api/sessions`), target)
      }
      const before = proxy.seen.length
      const past = yield* runTalking(["list", "--all"], { ...at, NO_PROXY: "127.0.0.1" })
      assert.strictEqual(past.code, 0)
      assert.lengthOf(proxy.seen, before)
    }).pipe(Effect.scoped)
  )

  it.effect("is asked once with a password that it rejects, and doctor names the key in the clear behind it", () =>
    Effect.gen(function* () {
      const { env, proxy } = yield* setup
      const wrong = `http://user:other-canary@${proxy.host}`
      const tunnel = { ...env, HYPERBROWSER_BASE_URL: NetworkProxy.hiddenUrl, HTTPS_PROXY: wrong }
      const list = yield* runTalking(["list"], { ...tunnel, HB_SESSIONS_RETRIES: "3" })
      assert.strictEqual(list.code, 4)
      assert.match(list.stderr, /the proxy rejects the request \(ERR_PROXY_TUNNEL\)/)
      assert.lengthOf(proxy.seen, 1)
      const clear = { ...env, HYPERBROWSER_BASE_URL: "http://sessions.test", HTTP_PROXY: wrong }
      const doctor = yield* runInstalled(["doctor"], { env: clear })
      assert.match(doctor.stdout, /^warn {2}tls +the base URL http:\/\/sessions\.test is plain http/m)
      assert.notInclude(doctor.stdout + doctor.stderr, "canary")
    }).pipe(Effect.scoped)
  )

  it.effect("that is none is a usage error, which does not quote it", () =>
    Effect.gen(function* () {
      const { env } = yield* setup
      for (const command of ["list", "doctor"]) {
        for (const value of ["socks5://u:canary@host", "http://", "http://u:%zzcanary@host"]) {
          const { code, stderr, stdout } = yield* runInstalled([command], { env: { ...env, HTTPS_PROXY: value } })
          assert.strictEqual(code, 2, value)
          assert.match(stderr, /HTTPS_PROXY (names a socks5 proxy|is not the URL of a proxy)/)
          assert.notInclude(stdout + stderr, "canary")
        }
      }
    }).pipe(Effect.scoped)
  )
})
