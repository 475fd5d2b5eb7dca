/**
 * The built proxy under every Node that is supported.
 */
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { nodes } from "@hb-sessions/runtimes"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { join } from "node:path"
import { ask, codings, decoded } from "./support/Coded.ts"
import { bin, createToken, directory, get } from "./support/Proxy.ts"

layer(Simulator.layer({ sessions: 20, seed: "runtimes" }), { excludeTestServices: true })("the built proxy", (it) => {
  for (const [version, node] of Object.entries(nodes)) {
    it.effect(`serves under Node ${version}, and stops`, () =>
      Effect.gen(function* () {
        const simulator = yield* Simulator
        const tokens = join(yield* directory, "tokens.json")
        const token = yield* createToken(tokens, "team")
        const child = yield* Effect.acquireRelease(
          Effect.sync(() =>
            spawn(node, [bin, "serve", "--port", "0", "--drain", "0s", "--tokens-file", tokens], {
              env: { HYPERBROWSER_API_KEY: simulator.apiKey, HYPERBROWSER_BASE_URL: simulator.url },
              stdio: ["ignore", "pipe", "pipe"]
            })
          ),
          (started) => Effect.sync(() => started.kill("SIGKILL"))
        )
        let log = ""
        child.stderr.on("data", (data) => (log += String(data)))
        const line = yield* Effect.promise(
          () =>
            new Promise<string>((resolve, reject) => {
              child.stdout.once("data", (data) => resolve(String(data)))
              child.once("close", () => reject(new Error(log)))
            })
        )
        const { url } = JSON.parse(line) as { url: string }
        const headers = { "x-api-key": token }
        const direct = yield* get(`${simulator.url}/api/sessions`, { headers: { "x-api-key": simulator.apiKey } })
        assert.strictEqual((yield* get(`${url}/api/sessions`, { headers })).text, direct.text)
        const again = yield* get(`${url}/api/sessions`, { headers })
        assert.deepStrictEqual([again.status, again.text], [200, direct.text])
        for (const coding of codings) {
          const options = { headers: { ...headers, "accept-encoding": coding } }
          const page = yield* ask(`${url}/api/sessions`, options)
          assert.strictEqual(page.headers["content-encoding"], coding)
          assert.strictEqual(decoded(page.body, coding), direct.text)
          const { body } = yield* ask(`${url}/v1/sessions`, options)
          assert.lengthOf(decoded(body, coding).trimEnd().split("\n"), 21)
        }
        const list = yield* get(`${url}/v1/sessions`, { headers })
        assert.lengthOf(list.text.trimEnd().split("\n"), 21)
        child.kill("SIGTERM")
        yield* Effect.promise(() => new Promise((resolve) => child.once("close", resolve)))
        assert.strictEqual(child.exitCode, 0)
        // Nothing but the access log: no warning of something that this Node finds old or new.
        assert.deepStrictEqual(
          [
            ...new Set(
              log
                .trimEnd()
                .split("\n")
                .map((text) => JSON.parse(text).type)
            )
          ],
          ["access"]
        )
      }).pipe(Effect.scoped)
    )
  }
})
