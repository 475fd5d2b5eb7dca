/**
 * The page while something goes wrong: the token, the network, the proxy, the browser, or what the API sends.
 */
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { chromiumTests, layerServed, open, photograph, rows, Served, signIn } from "./support/Dashboard.ts"
import { createToken, eventually, serve, token as tokenCommand } from "./support/Proxy.ts"
import { relayTo } from "./support/Relay.ts"

/** Writes a number that JavaScript cannot hold. */
const { rawJSON } = JSON as unknown as { readonly rawJSON: (text: string) => unknown }

layer(layerServed, { excludeTestServices: true, timeout: 60_000 })("the dashboard in trouble", (it) => {
  const inChromium = chromiumTests(it)

  inChromium(
    "goes back to the sign-in when the token ends, with nothing left to see",
    Effect.gen(function* () {
      const { tokensFile, url, vendor } = yield* Served
      vendor.state.rows = rows(20)
      const token = yield* createToken(tokensFile, "ending")
      yield* Effect.sleep("1200 millis")
      const { page } = yield* open(url)
      yield* Effect.promise(() => signIn(page, token, 20))
      yield* tokenCommand(tokensFile, "revoke", "--name", "ending")
      yield* Effect.promise(async () => {
        await page.getByRole("alert").getByText("The token is not valid").waitFor()
        assert.isTrue(await page.getByLabel("Token", { exact: true }).isVisible())
        assert.notInclude(await page.content(), "session-00")
        await photograph(page, "expired-token", 420)
      })
    })
  )

  inChromium(
    "keeps what it shows while the network is away, says so, and goes on when it is back",
    Effect.gen(function* () {
      const { token, url, vendor } = yield* Served
      vendor.state.rows = rows(20)
      const relay = yield* relayTo(url)
      const { page } = yield* open(relay.url)
      yield* Effect.promise(async () => {
        await signIn(page, token, 20)
        await page.locator("#live-state").getByText("Live: 3 active.").waitFor()
      })
      yield* relay.cut
      yield* Effect.promise(async () => {
        await page.locator("#live-state").getByText("What is shown may be old; trying again.").waitFor()
        assert.strictEqual(await page.locator("#rows tr[data-index]").count(), 20)
        await photograph(page, "offline", 340)
      })
      yield* relay.join
      yield* Effect.promise(() => page.locator("#live-state").getByText("Live: 3 active.").waitFor())
      yield* relay.cut
      yield* Effect.promise(async () => {
        await page.locator("#live-state").getByText("What is shown may be old; trying again.").waitFor()
        await page.getByRole("button", { name: "Reload" }).click()
        await page
          .getByRole("alert")
          .getByText("The server cannot be reached. What is shown is not all, or old.")
          .waitFor()
        assert.strictEqual(await page.locator("#rows tr[data-index]").count(), 20)
      })
      vendor.state.rows = [{ id: "meanwhile", status: "active", createdAt: "2026-04-02T08:00:00Z" }, ...rows(20)]
      yield* relay.join
      yield* Effect.promise(async () => {
        await page.locator("#live").getByText("meanwhile").waitFor()
        await page.getByRole("button", { name: "Reload" }).click()
        await page.locator("#count").getByText("21 sessions.").waitFor()
        await page.locator("#live-state").getByText("Live: 4 active.").waitFor()
        await photograph(page, "back", 340)
      })
    })
  )

  inChromium(
    "goes on with a proxy that was restarted, and says what has ended meanwhile",
    Effect.gen(function* () {
      const { token, tokensFile, vendor } = yield* Served
      vendor.state.rows = rows(20)
      const args = ["--watch-interval", "100ms", "--upstream-rate", "0", "--rate", "0"]
      const first = yield* serve(vendor, tokensFile, args)
      const relay = yield* relayTo(first.url)
      const { page } = yield* open(relay.url)
      yield* Effect.promise(async () => {
        await signIn(page, token, 20)
        await page.locator("#live-state").getByText("Live: 3 active.").waitFor()
      })
      yield* first.stop("SIGKILL")
      yield* Effect.promise(() => page.locator("#live-state").getByText("trying again.").waitFor())
      vendor.state.rows = rows(20).filter(({ id }) => id !== "session-00001")
      const second = yield* serve(vendor, tokensFile, args)
      relay.turnTo(second.url)
      yield* Effect.promise(async () => {
        await page.locator("#live-state").getByText("Live: 2 active.").waitFor()
        await page.locator("#rows tr", { hasText: "session-00001" }).getByText("not active any more").waitFor()
      })
    })
  )

  inChromium(
    "gives up a stream of events that is silent, since the network can lose a connection without a word",
    Effect.gen(function* () {
      const { token, url, vendor } = yield* Served
      vendor.state.rows = rows(20)
      const relay = yield* relayTo(url)
      const { page } = yield* open(relay.url)
      yield* Effect.promise(async () => {
        await page.clock.install()
        await signIn(page, token, 20)
        await page.locator("#live-state").getByText("Live: 3 active.").waitFor()
      })
      relay.silence()
      vendor.state.rows = rows(20).filter(({ id }) => id !== "session-00001")
      yield* Effect.promise(async () => {
        await page.clock.fastForward(59_000)
        assert.strictEqual(await page.locator("#live-state").textContent(), "Live: 3 active.")
        await page.clock.fastForward(10_000)
        await page.locator("#live-state").getByText("The server is silent.").waitFor()
      })
      // The browser may try a connection again that it kept, and that is lost too.
      const later = Effect.promise(async () => {
        await page.clock.fastForward(1000)
        return page.locator("#live-state").textContent()
      })
      yield* eventually(later, (text) => text === "Live: 2 active.")
    })
  )

  inChromium(
    "asks for no events while it is in the background for long, and for what was missed when it is seen again",
    Effect.gen(function* () {
      const { token, url, vendor } = yield* Served
      vendor.state.rows = rows(20)
      const { page, requests } = yield* open(url)
      const turn = async (isHidden: boolean) => {
        await page.evaluate(`Object.defineProperty(document, "hidden", { value: ${isHidden}, configurable: true })`)
        await page.evaluate(`document.dispatchEvent(new Event("visibilitychange"))`)
      }
      yield* Effect.promise(async () => {
        await page.clock.install()
        await signIn(page, token, 20)
        await page.locator("#live-state").getByText("Live: 3 active.").waitFor()
        await turn(true)
        await page.clock.fastForward(50_000)
        await turn(false)
        vendor.state.rows = [{ id: "seen", status: "active" }, ...rows(19)]
        await page.locator("#live-state").getByText("Live: 4 active.").waitFor()
        await page.clock.fastForward(20_000)
        assert.strictEqual(await page.locator("#live-state").textContent(), "Live: 4 active.")
        await turn(true)
        await page.clock.fastForward(31_000)
        vendor.state.rows = rows(20)
        await page.locator("#live-state").getByText("Live: 3 active.").waitFor()
        await page.clock.fastForward(30_000)
        await page.locator("#live-state").getByText("Paused").waitFor()
        await page.clock.fastForward(600_000)
      })
      const polls = Effect.gen(function* () {
        const before = vendor.state.requests
        yield* Effect.sleep("500 millis")
        return vendor.state.requests - before
      })
      yield* eventually(polls, (count) => count === 0)
      vendor.state.rows = rows(20).filter(({ id }) => id !== "session-00001")
      assert.lengthOf(
        requests.filter((asked) => asked.endsWith("/v1/events")),
        1
      )
      yield* Effect.promise(async () => {
        await turn(false)
        await page.locator("#live-state").getByText("Live: 2 active.").waitFor()
        await page.locator("#rows tr", { hasText: "session-00001" }).getByText("not active any more").waitFor()
      })
    })
  )

  inChromium(
    "begins anew after an event that cannot be read",
    Effect.gen(function* () {
      const { token, url, vendor } = yield* Served
      vendor.state.rows = rows(20)
      const { page } = yield* open(url)
      const ids: Array<string | undefined> = []
      yield* Effect.promise(async () => {
        await page.route("**/v1/events", (route) => {
          ids.push(route.request().headers()["last-event-id"])
          const body = ids.length === 1 ? "id: a-1\ndata: {}\n\n" : "id: a-2\nevent: change\ndata: {\n\n"
          return ids.length > 2 ? route.continue() : route.fulfill({ body, contentType: "text/event-stream" })
        })
        await signIn(page, token, 20)
        await page.locator("#live-state").getByText("Live: 3 active.").waitFor()
      })
      assert.deepStrictEqual(ids, [undefined, "a-1", undefined])
    })
  )

  for (const [name, script] of [
    [
      "forbids",
      'Object.defineProperty(window, "sessionStorage", { get() { throw new DOMException("", "SecurityError") } })'
    ],
    ["has no room for", 'Storage.prototype.setItem = () => { throw new DOMException("", "QuotaExceededError") }']
  ] as const) {
    inChromium(
      `signs in and out where the browser ${name} what a tab keeps, and says that the token is not kept`,
      Effect.gen(function* () {
        const { token, url, vendor } = yield* Served
        vendor.state.rows = rows(20)
        const { page, problems } = yield* open(url)
        yield* Effect.promise(async () => {
          await page.addInitScript(script)
          await page.reload()
          await page.getByLabel("Keep it until").check()
          await signIn(page, token, 20)
          await page.getByRole("alert").getByText("This browser keeps nothing for this page").waitFor()
          await page.getByLabel("Theme").selectOption("dark")
          assert.strictEqual(await page.evaluate("document.documentElement.dataset.theme"), "dark")
          await page.getByRole("button", { name: "Sign out" }).click()
          assert.isTrue(await page.getByLabel("Token", { exact: true }).isVisible())
          assert.notInclude(await page.content(), "session-00")
          assert.deepStrictEqual(problems, [])
        })
      })
    )
  }

  inChromium(
    "shows nothing of a list that was still read when its reader signed out",
    Effect.gen(function* () {
      const { token, url, vendor } = yield* Served
      vendor.state.rows = Array.from({ length: 10_000 }, (_, index) => ({ id: `session-${index}`, extra: 1 }))
      const { page, problems } = yield* open(url)
      yield* Effect.promise(async () => {
        // Is busy until much is there to be read, and signs out in the very turn in which some of that is shown.
        await page.evaluate(`{
          const progress = document.getElementById("progress")
          let shown = 0
          new MutationObserver(() => {
            if (!progress.textContent.startsWith("Reading:")) return
            shown += 1
            for (const end = Date.now() + 1500; shown === 1 && Date.now() < end; );
            if (shown === 2) document.getElementById("sign-out").click()
          }).observe(progress, { childList: true })
        }`)
        await signIn(page, token, 0)
        await page.getByLabel("Token", { exact: true }).waitFor()
        await page.waitForTimeout(1000)
        assert.strictEqual(await page.locator("#progress").textContent(), "")
        assert.notInclude(await page.content(), "session-0")
        assert.strictEqual(await page.locator("#columns").getByLabel("extra").count(), 0)
        assert.deepStrictEqual(problems, [])
      })
    })
  )

  inChromium(
    "shows the real days and numbers beside sessions with times and numbers that cannot be",
    Effect.gen(function* () {
      const { token, url, vendor } = yield* Served
      const evil = { toString: 1, valueOf: 2 }
      vendor.state.rows = [
        ...rows(20),
        { id: "late", createdAt: "9999-12-31T12:00:00Z", startTime: "8640000000000000", endTime: null },
        { id: "last", createdAt: "+275760-09-13T00:00:00.000Z", startTime: -1, endTime: rawJSON("1e400") },
        { id: "none", status: evil, createdAt: "soon", startTime: "NaN", creditsUsed: rawJSON("1e308"), odd: [evil] },
        { id: "more", status: "\0", createdAt: "2026-03-30T08:00:00Z", creditsUsed: rawJSON("1e308"), odd: [evil] },
        { id: "less", createdAt: "2026-03-29T08:00:00Z", creditsUsed: -1e300, odd: "text" }
      ]
      const { page, problems } = yield* open(url)
      yield* Effect.promise(async () => {
        await signIn(page, token, 25)
        const charts = page.locator("#charts figure")
        assert.include((await charts.first().textContent()) ?? "", "2026-03-29 to 2026-03-31, in your time zone; later")
        assert.include(
          (await charts.nth(1).locator(".numbers table").textContent()) ?? "",
          "2026-03-29-1E3002026-03-301E308"
        )
        assert.match((await page.locator("#numbers").textContent()) ?? "", /Credits(?:∞|\dE308)/)
        await page.getByText("Columns", { exact: true }).first().click()
        await page.locator("#columns").getByLabel("odd").check()
        await page.locator("#head").getByRole("button", { name: "odd" }).click()
        assert.match((await page.locator("#rows").textContent()) ?? "", /^less.*none.*more|^none.*more.*less|less/)
        assert.deepStrictEqual(problems, [])
      })
    })
  )
})
