/**
 * A proxy, a vendor's server and a browser, for the tests of the page.
 */
import type { Vitest } from "@effect/vitest"
import { Context, Effect, Layer, type Scope } from "effect"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Browser, BrowserContext, Page } from "playwright-core"
import { launch, missing } from "./Chromium.ts"
import { createToken, directory, serve } from "./Proxy.ts"
import { type Row, vendor as startVendor } from "./Vendor.ts"

if (missing !== undefined) console.warn(`skipped: /dashboard in Chromium, because ${missing}`)

const make = Effect.gen(function* () {
  const vendor = yield* startVendor
  const tokensFile = join(yield* directory, "tokens.json")
  const token = yield* createToken(tokensFile, "reader")
  const proxy = yield* serve(vendor, tokensFile, [
    ...["--watch-interval", "100ms", "--upstream-rate", "0", "--rate", "0", "--read-concurrency", "8"]
  ])
  return { ...proxy, vendor, token, tokensFile, browser: missing === undefined ? yield* launch : undefined }
})

/** What the tests share; each sets the sessions that it needs. */
export class Served extends Context.Service<Served, Effect.Success<typeof make>>()("@hb-sessions/proxy/test/Served") {}

/** What the tests share. */
export const layerServed = Layer.effect(Served, make)

const day = 86_400_000
const start = Date.UTC(2026, 2, 1, 8)

/** Sessions of a month, of which three are active. */
export const rows = (count: number): ReadonlyArray<Row> =>
  Array.from({ length: count }, (_, index) => {
    const status = index < 3 ? "active" : index % 9 === 0 ? "error" : "closed"
    const at = start + 30 * day - index * 20_000
    return {
      id: `session-${String(index).padStart(5, "0")}`,
      status,
      createdAt: new Date(at).toISOString(),
      startTime: String(at + 1000),
      ...(status === "active" ? {} : { endTime: String(at + 1000 + (index % 40) * 60_000) }),
      creditsUsed: index % 7,
      launchState: { useStealth: index % 2 === 0, useProxy: index % 3 === 0 }
    }
  })

interface Opened {
  readonly page: Page
  readonly context: BrowserContext
  /** What the page asked for, and what went wrong in it. */
  readonly requests: Array<string>
  readonly problems: Array<string>
}

/** A tab of its own. */
export const open = (url: string, options: Parameters<Browser["newContext"]>[0] = {}) =>
  Effect.gen(function* () {
    const { browser } = yield* Served
    const context = yield* Effect.acquireRelease(
      Effect.promise(
        () =>
          browser?.newContext({ timezoneId: "Asia/Kathmandu", locale: "en-GB", ...options }) as Promise<BrowserContext>
      ),
      (made) => Effect.promise(() => made.close())
    )
    return yield* Effect.promise(async (): Promise<Opened> => {
      const page = await context.newPage()
      page.setDefaultTimeout(20_000)
      const requests: Array<string> = []
      const problems: Array<string> = []
      page.on("request", (request) => requests.push(request.url()))
      page.on("console", (message) => {
        if (message.type() === "error" || message.type() === "warning") problems.push(message.text())
      })
      page.on("pageerror", (error) => problems.push(String(error)))
      page.on("dialog", (dialog) => {
        problems.push(`dialog: ${dialog.message()}`)
        void dialog.dismiss()
      })
      await page.goto(`${url}/dashboard`)
      return { page, context, requests, problems }
    })
  })

/** Signs in, and waits until there are so many sessions. */
export const signIn = async (page: Page, token: string, sessions: number) => {
  await page.getByLabel("Token", { exact: true }).fill(token)
  await page.getByRole("button", { name: "Sign in" }).click()
  if (sessions > 0)
    await page
      .locator("#count")
      .getByText(`${sessions.toLocaleString("en-GB")} sessions.`)
      .waitFor()
}

const shots = fileURLToPath(new URL("../../../../docs/dashboard/", import.meta.url))
/** Whether the pictures of the documents are taken anew. */
export const isPhotographed = process.env["UPDATE_SCREENSHOTS"] !== undefined

/** Takes a picture for the documents when they are asked for: the top of the page, or its table. */
export const photograph = async (page: Page, name: string, what: number | "table"): Promise<void> => {
  if (!isPhotographed) return
  const path = join(shots, `${name}.png`)
  if (what === "table") {
    const window = page.viewportSize()
    await page.setViewportSize({ width: 1000, height: 420 })
    await page.locator("section", { has: page.locator("#table") }).screenshot({ path })
    if (window !== null) await page.setViewportSize(window)
  } else {
    await page.evaluate("scrollTo(0, 0)")
    const { width } = page.viewportSize() ?? { width: 1280 }
    await page.screenshot({ path, clip: { x: 0, y: 0, width, height: what } })
  }
}

/** Makes tests in a browser, which are left out where there is none. */
export const chromiumTests =
  (it: Vitest.MethodsNonLive<Served>) =>
  <E>(name: string, test: Effect.Effect<void, E, Served | Scope.Scope>): void =>
    it.effect.skipIf(missing !== undefined)(name, () => Effect.scoped(test), 60_000)
