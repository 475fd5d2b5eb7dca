/**
 * The operator's view: what it shows, and that nothing in it becomes markup.
 */
import { assert, layer } from "@effect/vitest"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { Effect } from "effect"
import { join } from "node:path"
import { createServer } from "node:http"
import { once } from "node:events"
import type { AddressInfo } from "node:net"
import { pagePolicy } from "../src/routes/dashboard.ts"
import * as OperatorView from "../src/operations/OperatorView.ts"
import { createToken, directory, get, raw, serve, start, statuses } from "./support/Proxy.ts"

layer(Simulator.layer({ sessions: 30, seed: "view" }), { excludeTestServices: true })("the operator's view", (it) => {
  it.effect("shows the upstream, the cache, the tokens by name, the limits and the replicas, and no secret", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const file = join(yield* directory, "tokens.json")
      const token = yield* createToken(file, "team-a")
      yield* createToken(file, "team-b", { statuses: ["closed"] })
      const proxy = yield* serve(simulator, file, ["--rate", "77"])
      yield* get(`${proxy.url}/api/sessions`, { headers: { "x-api-key": token } })
      const { headers, status, text } = yield* get(`${proxy.adminUrl}/`)
      assert.strictEqual(status, 200)
      assert.strictEqual(headers.get("content-type"), "text/html; charset=utf-8")
      assert.strictEqual(headers.get("content-security-policy"), pagePolicy)
      assert.strictEqual(headers.get("x-content-type-options"), "nosniff")
      assert.include(text, "State: ready.")
      assert.include(text, "<td>(single key)</td><td>usable</td><td></td><td>closed</td>")
      assert.include(text, "<td>team-a</td><td></td><td>active</td><td>all</td><td>never</td><td>1</td>")
      assert.include(text, "<td>team-b</td><td></td><td>active</td><td>closed</td><td>never</td><td>0</td>")
      assert.include(text, "<td>77</td>")
      assert.include(text, "there is no Redis")
      assert.include(text, "There was none since the start.")
      assert.match(text, /responses in the cache<\/td><td>1</)
      for (const secret of [token, token.split("_")[2] ?? "", simulator.apiKey]) assert.notInclude(text, secret)
      assert.notMatch(text, /<(?:script|style|link|img)| style=| on[a-z]+=/)
      // Without a token it is only for those who mean this machine.
      const other = yield* raw(proxy.adminUrl, "GET / HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n")
      assert.deepStrictEqual(statuses(other.text), [421])
      assert.notInclude((yield* get(`${proxy.url}/`)).text, "team-a")
    }).pipe(Effect.scoped)
  )

  it.effect("shows the last errors, without what the upstream or a client wrote", () =>
    Effect.gen(function* () {
      const server = createServer((_, response) => void response.writeHead(500).end("<script>canary</script>"))
      server.listen(0, "127.0.0.1")
      yield* Effect.promise(() => once(server, "listening"))
      yield* Effect.addFinalizer(() => Effect.sync(() => server.close()))
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      const proxy = yield* start({ url, apiKey: "some-long-key" })
      yield* get(`${proxy.url}/api/sessions?status=%3Cb%3Ecanary`, { headers: proxy.auth })
      yield* get(`${proxy.url}/api/sessions`)
      const { text } = yield* get(`${proxy.adminUrl}/`)
      assert.match(text, /<td>502<\/td><td>upstream-failed<\/td><td>\/api\/sessions<\/td><td>test<\/td>/)
      assert.notInclude(text, "<td>401</td>")
      assert.notInclude(text, "canary")
      assert.include(text, "<td>failing</td><td>UpstreamUnavailable</td>")
    }).pipe(Effect.scoped)
  )

  it("escapes every sign that means something in HTML", () => {
    assert.strictEqual(
      OperatorView.escaped(`<a href="x" id='y'>&amp;`),
      "&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;amp;"
    )
  })
})
