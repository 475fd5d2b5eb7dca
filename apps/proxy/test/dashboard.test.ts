/**
 * The page for holders of a token, in a real browser.
 */
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { join } from "node:path"
import { brotliCompressSync, gzipSync } from "node:zlib"
import type { Page } from "playwright-core"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { dashboardPaths, pagePolicy } from "../src/routes/dashboard.ts"
import { missing } from "./support/Chromium.ts"
import {
  chromiumTests,
  isPhotographed,
  layerServed,
  open,
  photograph,
  rows,
  Served,
  signIn
} from "./support/Dashboard.ts"
import { createToken, directory, get, serve } from "./support/Proxy.ts"

/** Most bytes of the page in all, compressed. */
const MOST = 150_000

const require = createRequire(import.meta.url)
const axe = () => readFileSync(require.resolve("axe-core/axe.min.js"), "utf8")

/** What a screen reader or a keyboard would stumble over. */
const violations = async (page: Page): Promise<ReadonlyArray<string>> => {
  await page.evaluate(`${axe()};0`)
  const found = (await page.evaluate(
    'axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })'
  )) as {
    readonly violations: ReadonlyArray<{
      readonly id: string
      readonly nodes: ReadonlyArray<{ readonly html: string; readonly failureSummary?: string }>
    }>
  }
  return found.violations.flatMap(({ id, nodes }) =>
    nodes.map(({ failureSummary, html }) => `${id}: ${html} ${failureSummary}`)
  )
}

/** Writes a number that JavaScript cannot hold. */
const { rawJSON } = JSON as unknown as { readonly rawJSON: (text: string) => unknown }

/** Pixels of a chart that are drawn in the colour of bars. */
const inked = async (page: Page, index: number): Promise<number> =>
  Number(
    await page.evaluate(`(() => {
      const plot = document.querySelectorAll(".plot")[${index}]
      const canvas = plot.querySelector("canvas")
      const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true })
      copy.drawImage(canvas, 0, 0)
      const { data } = copy.getImageData(0, 0, canvas.width, canvas.height)
      const [red, green, blue] = getComputedStyle(plot).fill.match(/\\d+/g).map(Number)
      let found = 0
      for (let at = 0; at < data.length; at += 4)
        if (data[at] === red && data[at + 1] === green && data[at + 2] === blue) found += 1
      return found
    })()`)
  )

layer(layerServed, { excludeTestServices: true, timeout: 60_000 })("the dashboard", (it) => {
  it.effect(
    "is served without a token, small, with a policy that allows nothing inline and nothing from elsewhere",
    () =>
      Effect.gen(function* () {
        const { url } = yield* Served
        let [gzip, brotli] = [0, 0]
        for (const path of dashboardPaths) {
          const { headers, status, text } = yield* get(url + path)
          assert.strictEqual(status, 200, path)
          assert.strictEqual(headers.get("content-security-policy"), pagePolicy)
          assert.notInclude(pagePolicy, "unsafe")
          assert.include(pagePolicy, "frame-ancestors 'none'")
          assert.strictEqual(headers.get("x-content-type-options"), "nosniff")
          assert.strictEqual(headers.get("referrer-policy"), "no-referrer")
          assert.notMatch(text, /(?:src|href)="(?:https?:)?\/\//)
          gzip += gzipSync(text).length
          brotli += brotliCompressSync(text).length
          assert.strictEqual(
            (yield* get(url + path, { headers: { "if-none-match": headers.get("etag") ?? "" } })).status,
            304
          )
        }
        console.log(`dashboard: ${gzip} bytes with gzip, ${brotli} with br, of ${MOST}`)
        assert.isAtMost(gzip, MOST)
        assert.strictEqual((yield* get(`${url}/dashboard/none`)).status, 404)
        const slash = yield* get(`${url}/dashboard/`, { redirect: "manual" })
        assert.deepStrictEqual([slash.status, slash.headers.get("location")], [308, "../dashboard"])
        assert.strictEqual((yield* get(`${url}/dashboard/`)).text, (yield* get(`${url}/dashboard`)).text)
      })
  )

  const inChromium = chromiumTests(it)

  inChromium(
    "signs in with a token that is pasted, filters, sorts, shows all fields and signs out, and the token is in no URL",
    Effect.gen(function* () {
      const { token, url, vendor } = yield* Served
      vendor.state.rows = rows(250).map((row, index) =>
        index === 249 ? { ...row, closeReason: { code: rawJSON("12345678901234567890") } } : row
      )
      const { context, page, problems, requests } = yield* open(url)
      yield* Effect.promise(async () => {
        await signIn(page, "hbs_0123456789abcdef_wrong", 0)
        await page.getByRole("alert").getByText("The token is not valid").waitFor()
        assert.isTrue(await page.getByLabel("Token", { exact: true }).isVisible())
        await photograph(page, "wrong-token", 420)
        // The browser tells of the 401 on its own.
        assert.isTrue(
          problems.every((problem) => problem.includes("401")),
          problems.join()
        )
        problems.length = 0

        await signIn(page, token, 250)
        assert.match((await page.locator("#zone").textContent()) ?? "", /Asia\/Kath?mandu \(now GMT\+05:45\)/)
        assert.include((await page.locator("#numbers").textContent()) ?? "", "Sessions250")
        await photograph(page, "signed-in", 720)
        const first = page.locator("#rows tr[data-index='0'] th")
        assert.strictEqual(await first.textContent(), "session-00000")
        // 13:45 there when it is 8:00 in UTC.
        assert.include((await page.locator("#rows tr[data-index='0']").textContent()) ?? "", "31 Mar 2026, 13:45:00")

        await page.getByLabel("Find").fill("session-0001")
        await page.locator("#count").getByText("10 of 250 sessions match").waitFor()
        await page.getByLabel("Find").fill("")
        await page.locator("#status").selectOption({ label: "error" })
        await page.locator("#count").getByText("27 of 250 sessions match").waitFor()
        await photograph(page, "filter", "table")
        await page.locator("#status").selectOption({ label: "all" })
        await page.locator("#count").getByText("250 sessions.").waitFor()

        await page.locator("#head").getByRole("button", { name: "id" }).click()
        await page.locator("#head").getByRole("button", { name: "id" }).click()
        assert.strictEqual(await first.textContent(), "session-00249")
        assert.strictEqual(await page.locator("#head th").first().getAttribute("aria-sort"), "descending")

        await page.getByText("Columns", { exact: true }).first().click()
        await page.locator("#columns").getByLabel("teamId").check()
        await page.locator("#head").getByRole("button", { name: "teamId" }).waitFor()
        // A key that the contract does not know.
        await page.locator("#columns").getByLabel("closeReason.code").check()
        await page.locator("#head").getByRole("button", { name: "closeReason.code" }).waitFor()
        assert.match((await page.locator("#rows tr[data-index='0']").textContent()) ?? "", /12345678901234567890$/)
        const [download] = await Promise.all([
          page.waitForEvent("download"),
          page.getByRole("button", { name: "Download CSV" }).click()
        ])
        const [head = "", line = ""] = readFileSync(await download.path(), "utf8").split("\r\n")
        assert.match(head, /,teamId,closeReason\.code$/)
        assert.match(line, /^session-00249,.*,12345678901234567890$/)

        // With the keyboard alone.
        await page.locator("#rows tr[data-index='0'] button").focus()
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Enter")
        await page.getByRole("dialog").getByText("Session session-00248").waitFor()
        assert.include((await page.locator("#fields").textContent()) ?? "", "launchState.useStealth")
        await page.keyboard.press("Escape")
        assert.strictEqual(await page.evaluate("document.activeElement.textContent"), "session-00248")
        await page.keyboard.press("End")
        assert.strictEqual(await page.evaluate("document.activeElement.textContent"), "session-00000")

        assert.strictEqual(await page.locator("#charts figure").count(), 4)
        await page.locator("#charts summary").nth(2).click()
        assert.include((await page.locator("#charts .numbers table").nth(2).textContent()) ?? "", "5–15 min")

        for (const pixels of await Promise.all([0, 1, 2, 3].map((index) => inked(page, index))))
          assert.isAbove(pixels, 1000)
        await page.getByLabel("Theme").selectOption("dark")
        assert.isAbove(await inked(page, 0), 1000)
        await page.getByLabel("Theme").selectOption("light")
        assert.isAbove(await inked(page, 0), 1000)
        await page.locator("#charts .u-over").first().hover()
        assert.match(
          (await page.locator("#charts .u-legend").first().textContent()) ?? "",
          /^Day2026-03-31Sessions250$/
        )

        const stored = await page.evaluate(
          "JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])"
        )
        assert.strictEqual(stored, '[{},{"hb-sessions-theme":"light"},""]')
        await page.getByRole("button", { name: "Sign out" }).click()
        assert.isTrue(await page.getByLabel("Token", { exact: true }).isVisible())
        assert.notInclude(await page.content(), "session-00")

        assert.strictEqual(await page.locator("#columns").getByLabel("closeReason.code").count(), 0)
        assert.isFalse(await page.locator("#columns").getByLabel("teamId").isChecked())
        assert.notInclude((await page.locator("#head").textContent()) ?? "", "teamId")

        await page.getByLabel("Keep it until").check()
        await signIn(page, token, 250)
        await page.reload()
        await page.locator("#count").getByText("250 sessions.").waitFor()
        await page.getByRole("button", { name: "Sign out" }).click()
        assert.isNull(await page.evaluate("sessionStorage.getItem('hb-sessions-token')"))

        assert.isEmpty(await context.cookies())
        assert.isEmpty(requests.filter((asked) => asked.includes("hbs_")))
        assert.isEmpty(requests.filter((asked) => !asked.startsWith(`${url}/`) && !/^(?:data|blob):/.test(asked)))
        assert.deepStrictEqual(problems, [])
      })
    })
  )

  inChromium(
    "shows text of the API as text, never as markup, a link or a formula",
    Effect.gen(function* () {
      const { token, url, vendor } = yield* Served
      const evil = `<img src=x onerror=alert(1)>"'><script>alert(2)</script>`
      vendor.state.rows = [
        {
          id: evil,
          status: "active",
          createdAt: "2026-03-02T08:00:00Z",
          sessionUrl: "javascript:alert(3)",
          liveUrl: "javascript:alert(4)",
          launchState: { solverType: evil, [evil]: evil }
        },
        {
          id: "=cmd|' /C calc'!A0",
          status: evil,
          createdAt: "2026-03-01T08:00:00Z",
          __proto__: null,
          constructor: evil
        },
        { id: "x".repeat(9000), status: "closed", startTime: "1772438400000", endTime: null, creditsUsed: null }
      ]
      const { page, problems } = yield* open(url)
      yield* Effect.promise(async () => {
        await signIn(page, token, 3)
        await page.locator("#live").getByText("<img src=x").waitFor()
        await page.locator("#rows button").getByText("<img src=x").first().click()
        assert.include((await page.locator("#fields").textContent()) ?? "", "javascript:alert(3)")
        assert.strictEqual(await page.locator("img, a[href^='javascript'], #content a, dialog a, iframe").count(), 0)
        assert.strictEqual(await page.locator("body script").count(), 0)
        await page.keyboard.press("Escape")
        await page.locator("#status").selectOption({ label: evil })
        await page.locator("#count").getByText("1 of 3 sessions match").waitFor()
        const [download] = await Promise.all([
          page.waitForEvent("download"),
          page.getByRole("button", { name: "Download CSV" }).click()
        ])
        assert.strictEqual(download.suggestedFilename(), "sessions.csv")
        const csv = readFileSync(await download.path(), "utf8")
        const [head, line] = csv.split("\r\n")
        assert.strictEqual(head, "\uFEFFid,status,createdAt,creditsUsed,launchState.useStealth,launchState.useProxy")
        assert.match(line ?? "", /^"?'=cmd/)
        assert.deepStrictEqual(problems, [])
      })
    })
  )

  inChromium(
    "shows what changes while it is open",
    Effect.gen(function* () {
      const { token, url, vendor } = yield* Served
      vendor.state.rows = rows(20)
      const { page } = yield* open(url)
      yield* Effect.promise(async () => {
        await signIn(page, token, 20)
        await page.locator("#live-state").getByText("Live: 3 active.").waitFor()
        await page.locator("#rows").getByText("session-00002").focus()
        vendor.state.rows = [
          { id: "brand-new", status: "active", createdAt: "2026-04-02T08:00:00Z" },
          ...rows(20).filter(({ id }) => id !== "session-00001")
        ]
        await page.locator("#live").getByText("brand-new").waitFor()
        await page.locator("#count").getByText("21 sessions.").waitFor()
        assert.strictEqual(await page.locator("#rows tr[data-index='0'] th").textContent(), "brand-new")
        await page.locator("#rows tr", { hasText: "session-00001" }).getByText("not active any more").waitFor()
        assert.strictEqual(await page.evaluate("document.activeElement.textContent"), "session-00002")
        await photograph(page, "live-change", "table")
        await page.locator("#live").getByText("session-00002").focus()
        vendor.state.rows = [{ id: "newer", status: "active" }, ...vendor.state.rows]
        await page.locator("#live").getByText("newer").waitFor()
        assert.strictEqual(await page.evaluate("document.activeElement.closest('#live')?.id"), "live")
        assert.strictEqual(await page.evaluate("document.activeElement.textContent"), "session-00002")
        vendor.state.rows = vendor.state.rows.slice(1)
        vendor.state.status = 500
        await page.locator("#live-state").getByText("The proxy cannot ask the upstream").waitFor()
        vendor.state.status = 200
        await page.locator("#live-state").getByText("Live: 3 active.").waitFor()
      }).pipe(Effect.ensuring(Effect.sync(() => (vendor.state.status = 200))))
    })
  )

  inChromium(
    "has few rows in the document, of 10,000 sessions that are scrolled through",
    Effect.gen(function* () {
      const { token, url, vendor } = yield* Served
      vendor.state.rows = rows(10_000)
      const { page, problems } = yield* open(url)
      const seen = yield* Effect.promise(async () => {
        await signIn(page, token, 10_000)
        await page.locator("#progress").getByText("Read at").waitFor()
        return (await page.evaluate(`new Promise((resolve) => {
          const long = []
          new PerformanceObserver((list) => long.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: "longtask" })
          const scroll = document.getElementById("scroll")
          const found = new Set()
          let most = 0
          let step = 0
          const next = () => {
            most = Math.max(most, document.querySelectorAll("#rows tr").length)
            for (const cell of document.querySelectorAll("#rows th")) found.add(cell.textContent)
            if (step === 120) return setTimeout(() => resolve({ long, most, found: found.size, last: [...found].at(-1) }), 300)
            step += 1
            scroll.scrollTop = (scroll.scrollHeight - scroll.clientHeight) * step / 120
            requestAnimationFrame(() => requestAnimationFrame(next))
          }
          next()
        })`)) as { long: ReadonlyArray<number>; most: number; found: number; last: string }
      })
      yield* Effect.promise(() => photograph(page, "ten-thousand", "table"))
      const longest = Math.max(0, ...seen.long)
      console.log(
        `dashboard: ${seen.long.length} long tasks while scrolling, the longest of ${Math.round(longest)} ms (limit: 200)`
      )
      assert.isBelow(seen.most, 80)
      assert.isAbove(seen.found, 1500)
      assert.strictEqual(seen.last, "session-09999")
      assert.deepStrictEqual(problems, [])
    })
  )

  inChromium(
    "shows a token of some statuses these, and says so",
    Effect.gen(function* () {
      const { tokensFile, url, vendor } = yield* Served
      vendor.state.rows = rows(20)
      const token = yield* createToken(tokensFile, "some", { statuses: ["error"] })
      yield* Effect.sleep("1200 millis")
      const { page } = yield* open(url)
      yield* Effect.promise(async () => {
        await signIn(page, token, 2)
        await page.getByText("This token sees these statuses only: error.").waitFor()
        await page.getByText("This token may not see which sessions are active.").waitFor()
      })
    })
  )

  it.effect.skipIf(missing !== undefined || !isPhotographed)(
    "is photographed for the documents, with the sessions of the simulator",
    () =>
      Effect.gen(function* () {
        const simulator = yield* Simulator
        const file = join(yield* directory, "tokens.json")
        const token = yield* createToken(file, "reader")
        const { url } = yield* serve(simulator, file, ["--upstream-rate", "0", "--read-concurrency", "8"])
        for (const [name, options] of [
          ["overview", { viewport: { width: 1160, height: 1180 }, colorScheme: "light" }],
          ["phone", { viewport: { width: 390, height: 844 }, colorScheme: "dark" }]
        ] as const) {
          const { page } = yield* open(url, { ...options, timezoneId: "Europe/Berlin" })
          yield* Effect.promise(async () => {
            await signIn(page, token, 2000)
            await page.locator("#progress").getByText("Read at").waitFor()
            await page.locator("#live-state").getByText("Live:").waitFor()
            await photograph(page, name, options.viewport.height)
          })
        }
      }).pipe(Effect.scoped, Effect.provide(Simulator.layer({ sessions: 2000 }))),
    60_000
  )

  for (const [name, colorScheme, width] of [
    ["in light", "light", 1280],
    ["in dark", "dark", 1280],
    ["on a phone", "light", 360]
  ] as const) {
    inChromium(
      `has nothing that axe objects to ${name}, and is no wider than the window`,
      Effect.gen(function* () {
        const { token, url, vendor } = yield* Served
        vendor.state.rows = rows(60)
        const { page } = yield* open(url, { bypassCSP: true, colorScheme, viewport: { width, height: 800 } })
        yield* Effect.promise(async () => {
          assert.deepStrictEqual(await violations(page), [])
          await signIn(page, token, 60)
          await page.locator("#live-state").getByText("Live: 3 active.").waitFor()
          await page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
          assert.deepStrictEqual(await violations(page), [])
          assert.isAtMost(Number(await page.evaluate("document.documentElement.scrollWidth")), width)
          await page.locator("#rows button").first().click()
          assert.deepStrictEqual(await violations(page), [])
        })
      })
    )
  }
})
