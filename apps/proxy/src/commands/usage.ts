/**
 * `hb-sessions-proxy usage`
 */
import { aligned } from "@hb-sessions/app-kit/aligned"
import { AppError, exitCodes } from "@hb-sessions/app-kit/AppError"
import * as Setting from "@hb-sessions/app-kit/Setting"
import { HttpUrlText } from "@hb-sessions/core/SettingText"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type TokenUse, UsageReport } from "../operations/UsageReport.ts"

const settings = Setting.record("HB_SESSIONS_PROXY_", {
  adminUrl: {
    schema: HttpUrlText,
    default: "http://127.0.0.1:8081",
    meaning: "Where the admin listener of the server is",
    metavar: "url"
  }
})

const format = Flag.Literals("format", ["table", "json"]).pipe(
  Flag.withDescription("How to print it (default: table)"),
  Flag.withDefault("table" as const)
)

const PATIENCE_MILLIS = 10_000

export const usage = Command.make(
  "usage",
  { format, ...Setting.flagsOf(settings) },
  Effect.fn("usage")(function* ({ format: wanted, ...given }) {
    const { adminUrl } = yield* Setting.read(settings, given)
    const report = yield* ask(new URL("/usage", adminUrl))
    yield* Console.log(wanted === "json" ? JSON.stringify(report, undefined, 2) : table(report))
  })
).pipe(
  Command.withDescription(
    "Show who used what since the server started: for each token its requests, bytes, cache hits, the requests to the upstream that it caused, and how long it waited for turns there."
  ),
  Command.withExamples([
    {
      command: "hb-sessions-proxy usage",
      description: "Print a table, of the server whose admin listener is on port 8081"
    },
    {
      command: "hb-sessions-proxy usage --admin-url http://10.0.0.5:8081 --format json",
      description: "Print JSON, of another server"
    }
  ])
)

const failed = (url: URL, problem: string, exitCode: number = exitCodes.unavailable) =>
  new AppError({ message: `${url.origin}: ${problem}`, exitCode })

/** No proxy of the network is on the way to the admin listener. */
const ask = Effect.fnUntraced(function* (url: URL) {
  const { status, text } = yield* Effect.tryPromise({
    try: async (signal) => {
      const response = await fetch(url, {
        redirect: "manual",
        signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MILLIS)])
      })
      return { status: response.status, text: await response.text() }
    },
    catch: (error) =>
      failed(url, `no admin listener answers (${reasonOf(error)}); start the server, or give --admin-url`)
  })
  const report =
    status === 200 ? yield* Effect.option(Schema.decodeEffect(Schema.fromJsonString(UsageReport))(text)) : undefined
  if (report?._tag !== "Some") {
    const remedy = "give --admin-url the address of the admin listener, whose port is that after the server's"
    return yield* failed(url, `this is no admin listener (status ${status}); ${remedy}`, exitCodes.invalidResponse)
  }
  return report.value
})

const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return "unknown"
  const { cause } = error
  return typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : error.name
}

const failures = ({ failed: broken = 0, cut = 0, rejected = 0 }: TokenUse["outcomes"]): number =>
  rejected + broken + cut

const table = ({ since, tokens }: UsageReport): string => {
  const hasAccounts = tokens.some(({ account }) => account !== undefined)
  const rows = tokens
    .toSorted((a, b) => b.requests - a.requests)
    .map((use) => [
      use.token,
      ...(hasAccounts ? [use.account ?? "-"] : []),
      String(use.requests),
      String(failures(use.outcomes)),
      String(use.outcomes["rate-limited"] ?? 0),
      String(use.cacheHits),
      String(use.upstreamRequests),
      String(use.bytes),
      `${use.waitingSeconds.toFixed(1)} s`,
      use.lastUsed.replace(/\.\d+/, "")
    ])
  const head = [
    "TOKEN",
    ...(hasAccounts ? ["ACCOUNT"] : []),
    ...["REQUESTS", "FAILED", "RATE-LIMITED", "CACHE HITS", "UPSTREAM", "BYTES", "WAITED", "LAST USED"]
  ]
  return `since ${since.replace(/\.\d+/, "")}\n${aligned([head, ...rows]).join("\n")}`
}
