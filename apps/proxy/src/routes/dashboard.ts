/**
 * `/dashboard`: the page for holders of a token. It is served without one, since it holds no data.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { document } from "./document.ts"
import type { Exchange } from "../http/Exchange.ts"
import { reject } from "../http/Problem.ts"

/** Nothing from elsewhere, nothing inline, and no text that becomes markup or a script. */
export const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'"
].join("; ")

/** The paths of the page's files; the test of the page compares them. */
export const dashboardPaths: ReadonlyArray<string> = ["/dashboard", "/dashboard/page.css", "/dashboard/page.js"]

/** Makes what sends the files, which are loaded when one of them is asked for first. */
export const make = Effect.gen(function* () {
  const run = Effect.runForkWith(yield* Effect.context<never>())
  const loaded = yield* Effect.cached(
    Effect.map(
      Effect.promise(() => import("@hb-sessions/dashboard/assets")),
      ({ assets }) =>
        new Map(assets.map(({ contentType, path, text }) => [path, document(text, contentType, pagePolicy)]))
    )
  )
  const send = (exchange: Exchange, path: string): void =>
    void run(
      Effect.map(loaded, (files) => files.get(path)?.(exchange)).pipe(
        Effect.catchCause((cause) =>
          Effect.andThen(
            Effect.logError("the dashboard cannot be loaded", Cause.pretty(cause)),
            Effect.sync(() => exchange.reject(broken))
          )
        )
      )
    )
  return [
    ...dashboardPaths.map((path) => [path, (exchange: Exchange) => send(exchange, path)] as const),
    ["/dashboard/", withoutSlash] as const
  ]
})

/** Relative, as a server in front may have put a prefix before the path. */
const withoutSlash = (exchange: Exchange): void =>
  exchange.sendEmpty(308, ["location", "../dashboard", "content-length", "0"])

const broken = reject("internal", "the page cannot be loaded; install the proxy again")
