/**
 * Connections between requests.
 */
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { raw, start, statuses } from "./support/Proxy.ts"

/** Longer than any of these tests takes: the connection is closed by the server, or the test ends here. */
const LONG = 30_000

layer(Simulator.layer({ sessions: 20, seed: "keep-alive", latency: "3 seconds" }), { excludeTestServices: true })(
  "connections between requests",
  (it) => {
    it.effect("are closed after --keep-alive, not sooner, and told so, however short --client-timeout is", () =>
      Effect.gen(function* () {
        const flags = ["--keep-alive", "2s", "--client-timeout", "500ms", "--header-timeout", "20s"]
        const proxy = yield* start(yield* Simulator, flags)
        const request = (path: string, more = "") =>
          `GET ${path} HTTP/1.1\r\nhost: a\r\nx-api-key: ${proxy.token}\r\n${more}\r\n`
        const from = performance.now()
        const idle = yield* raw(proxy.url, request("/"), LONG)
        assert.isAtLeast(performance.now() - from, 2000)
        assert.deepStrictEqual([statuses(idle.text), idle.closed], [[200], true])
        assert.match(idle.text, /\r\nkeep-alive: timeout=2\r\n/i)
        // One that is being answered for longer than that is not idle.
        const busy = yield* raw(proxy.url, request("/") + request("/api/sessions"), LONG)
        assert.deepStrictEqual([statuses(busy.text), busy.closed], [[200, 200], true])
        for (const more of ["connection: close\r\n", "expect: 100-continue\r\n"]) {
          const { closed, text } = yield* raw(proxy.url, request("/", more), LONG)
          assert.deepStrictEqual([statuses(text), closed, /\r\nkeep-alive:/i.test(text)], [[200], true, false], more)
        }
      }).pipe(Effect.scoped)
    )
  }
)
