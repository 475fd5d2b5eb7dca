/**
 * The documents that are served, and the reader of them in a real browser.
 */
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { launch, missing } from "./support/Chromium.ts"
import { get, Shared, shared } from "./support/Proxy.ts"
import { openApi } from "../src/routes/Api.ts"
import { problems as kinds } from "../src/http/Problem.ts"

if (missing !== undefined) console.warn(`skipped: /docs in Chromium, because ${missing}`)

layer(shared({ sessions: 10, seed: "docs" }), { excludeTestServices: true })("documents", (it) => {
  it.effect("are served without a token, with an ETag and a policy that lets nothing in from elsewhere", () =>
    Effect.gen(function* () {
      const proxy = yield* Shared
      for (const [path, type] of [
        ["/", "text/plain"],
        ["/openapi.json", "application/json"],
        ["/docs", "text/html"]
      ] as const) {
        const { headers, status, text } = yield* get(proxy.url + path)
        assert.strictEqual(status, 200)
        assert.include(headers.get("content-type") ?? "", type)
        assert.include(headers.get("content-security-policy") ?? "", "default-src 'none'")
        assert.notMatch(text, /<(?:script|link|img)[^>]+(?:src|href)="https?:/)
        const again = yield* get(proxy.url + path, { headers: { "if-none-match": headers.get("etag") ?? "" } })
        assert.strictEqual(again.status, 304)
      }
      const index = (yield* get(`${proxy.url}/`)).text
      const document = JSON.parse((yield* get(`${proxy.url}/openapi.json`)).text)
      const paths = Object.keys(document.paths)
      assert.includeMembers(paths, ["/api/sessions", "/v1/sessions", "/v1/sessions/{id}", "/v1/stats"])
      for (const path of ["/api/sessions", "/v1/sessions", "/v1/sessions/{id}", "/v1/stats"])
        assert.include(index, path)
    }).pipe(Effect.scoped)
  )

  it("name in every operation what it may be answered with", () => {
    // These depend on the path, the method and the format.
    const others = new Set([404, 405, 406, 409])
    const wanted = new Set(
      Object.values(kinds)
        .map(([status]) => status)
        .filter((status) => !others.has(status))
    )
    for (const [path, { get: operation }] of Object.entries(openApi().paths)) {
      assert.includeMembers(Object.keys(operation?.responses ?? {}).map(Number), [200, ...wanted], path)
    }
  })

  it.effect.skipIf(missing !== undefined)(
    "open in Chromium without a foreign request and without an error on the console",
    () =>
      Effect.gen(function* () {
        const proxy = yield* Shared
        const browser = yield* launch
        const seen = yield* Effect.promise(async () => {
          const page = await browser.newPage()
          const requests: Array<string> = []
          const problems: Array<string> = []
          page.on("request", (request) => requests.push(request.url()))
          page.on("requestfailed", (request) => problems.push(`failed: ${request.url()}`))
          page.on("console", (message) => {
            if (message.type() === "error" || message.type() === "warning") problems.push(message.text())
          })
          page.on("pageerror", (error) => problems.push(String(error)))
          await page.goto(`${proxy.url}/docs`, { waitUntil: "networkidle" })
          await page.getByText("/v1/stats").first().waitFor({ state: "attached" })
          const text = await page.locator("body").innerText()
          return { requests, problems, text }
        })
        assert.deepStrictEqual(seen.problems, [])
        const foreign = seen.requests.filter((url) => !url.startsWith(`${proxy.url}/`) && !/^(?:data|blob):/.test(url))
        assert.deepStrictEqual(foreign, [])
        assert.include(seen.text, "One page, as the vendor answers it")
      }).pipe(Effect.scoped),
    60_000
  )
})
