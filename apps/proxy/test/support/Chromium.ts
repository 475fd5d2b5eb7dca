/**
 * Debian's Chromium, where there is one.
 */
import { Effect } from "effect"
import { existsSync } from "node:fs"

const CHROMIUM = "/usr/bin/chromium"

/** Why the browser cannot be used; undefined if it can. */
export const missing: string | undefined = existsSync(CHROMIUM)
  ? await import("playwright-core").then(
      () => undefined,
      () => "playwright-core is not installed"
    )
  : `${CHROMIUM} is not installed`

/** A browser that asks for nothing by itself, until the scope closes. */
export const launch = Effect.acquireRelease(
  Effect.promise(async () => {
    const { chromium } = await import("playwright-core")
    return chromium.launch({
      executablePath: CHROMIUM,
      args: [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync"
      ]
    })
  }),
  (browser) => Effect.promise(() => browser.close())
)
