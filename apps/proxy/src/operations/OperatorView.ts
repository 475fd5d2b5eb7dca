/**
 * The operator's view: how things stand, as a page of the admin listener. Plain HTML, made here, with every text escaped.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { stateOf, type TokenRecord } from "../access/Token.ts"
import type { Link } from "../redis/RedisLink.ts"
import type { Settings } from "../settings/Settings.ts"
import type { UpstreamAccount } from "../upstream/UpstreamAccount.ts"
import type { LastErrors } from "./LastErrors.ts"
import type { UsageReport } from "./UsageReport.ts"

/** What is shown. */
export interface OperatorViewOptions {
  readonly accounts: { readonly all: () => ReadonlyArray<UpstreamAccount> }
  readonly tokens: {
    readonly records: () => ReadonlyArray<TokenRecord>
    readonly isUsable: () => boolean
    readonly isOpen: boolean
  }
  readonly usage: () => UsageReport
  readonly cache: { readonly bytes: number; readonly size: number }
  readonly inFlight: () => number
  readonly connections: () => number
  readonly isDraining: () => boolean
  readonly link: Link | undefined
  readonly errors: LastErrors
  readonly settings: Settings
}

/** Most tokens and accounts that are shown. */
const MOST = 500

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;"
}

/** Text as it is written in HTML. */
export const escaped = (text: string): string => text.replaceAll(/[&<>"']/g, (sign) => entities[sign] ?? "")

type Cell = string | number | undefined

const cellText = (cell: Cell): string => escaped(String(cell ?? ""))

const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<Cell>>, none: string): string => {
  if (rows.length === 0) return `<p>${escaped(none)}</p>`
  const shown = rows
    .slice(0, MOST)
    .map((cells) => `<tr>${cells.map((cell) => `<td>${cellText(cell)}</td>`).join("")}</tr>`)
  const rest = rows.length > MOST ? `<p>and ${rows.length - MOST} more</p>` : ""
  const names = head.map((name) => `<th scope="col">${escaped(name)}</th>`).join("")
  return `<table><thead><tr>${names}</tr></thead><tbody>${shown.join("")}</tbody></table>${rest}`
}

const section = (title: string, body: string): string => `<section><h2>${escaped(title)}</h2>${body}</section>`

const iso = (millis: number): string => new Date(millis).toISOString()

const keyOf = (token: string, account: string | undefined): string => JSON.stringify([token, account ?? null])

/** Makes the page. */
export const make = (options: OperatorViewOptions): Effect.Effect<string> =>
  Effect.gen(function* () {
    const { accounts, cache, errors, link, settings, tokens } = options
    const now = yield* Clock.currentTimeMillis
    const upstream = yield* Effect.forEach(accounts.all(), ({ health, name, status }) =>
      Effect.map(health.openFor, (openFor) => {
        const { reason, status: state } = status()
        return [name ?? "(single key)", state, reason, openFor === undefined ? "closed" : `open for ${openFor} s`]
      })
    )
    const { since, tokens: used } = options.usage()
    const uses = new Map(used.map((use) => [keyOf(use.token, use.account), use]))
    const known = tokens.records().map((record) => {
      const use = uses.get(keyOf(record.name, record.account))
      return [
        record.name,
        record.account,
        stateOf(record, now),
        record.statuses?.join(", ") ?? "all",
        record.expiresAt === undefined ? "never" : iso(record.expiresAt),
        use?.requests ?? 0,
        use?.outcomes["failed"] ?? 0,
        use?.outcomes["rate-limited"] ?? 0,
        use?.upstreamRequests ?? 0,
        use?.lastUsed
      ]
    })
    const seconds = (duration: Duration.Duration) => `${Duration.toSeconds(duration)} s`
    const limits: ReadonlyArray<ReadonlyArray<Cell>> = [
      ["requests per second of each token, unless it has a rate of its own", settings.rate || "no limit"],
      ["requests of each token at once", settings.burst],
      ["requests that may wait for the upstream", settings.maxConcurrent],
      ["whole lists, lookups and statistics", settings.maxStreams],
      ["streams of events", settings.maxWatchers],
      ["requests per second to the upstream, for each account", settings.upstreamRate || "no limit"],
      ["requests to the upstream at once, for each account", settings.upstreamConcurrency],
      ["time of a page", seconds(settings.deadline)],
      ["time of a list", seconds(settings.readTimeout)]
    ]
    const isReady = !options.isDraining() && tokens.isUsable()
    const state = options.isDraining() ? "stopping" : isReady ? "ready" : "the tokens cannot be read"
    const replicas =
      link === undefined
        ? "<p>This server shares nothing with others: there is no Redis.</p>"
        : `<p>${link.isUp() ? `Redis is there; ${link.replicas()} replicas share limits and pages.` : "Redis cannot be reached: each replica is on its own."}</p>`
    const body = [
      `<p>State: ${escaped(state)}. Started at ${escaped(since)}; this page was made at ${iso(now)}. All times are UTC.</p>`,
      section("Upstream", table(["account", "state", "reason", "circuit"], upstream, "No account is served.")),
      section(
        "Now",
        table(
          ["what", "now"],
          [
            ["requests that wait for the upstream or stream", options.inFlight()],
            ["connections", options.connections()],
            ["bytes in the cache", `${cache.bytes} of ${settings.cacheBytes}`],
            ["responses in the cache", cache.size]
          ],
          ""
        )
      ),
      section(
        "Tokens",
        tokens.isOpen
          ? "<p>The server asks for no tokens.</p>"
          : table(
              [
                "name",
                "account",
                "state",
                "statuses",
                "expires",
                "requests",
                "failed",
                "rate-limited",
                "upstream",
                "last used"
              ],
              known,
              "There is no token; make one with hb-sessions-proxy token create."
            )
      ),
      section("Limits", table(["of", "limit"], limits, "")),
      section("Replicas", replicas),
      section(
        "Last errors",
        table(
          ["at", "status", "problem", "route", "token", "account", "request"],
          errors
            .all()
            .map(({ account, at, id, problem, route, status, token }) => [
              ...[iso(at), status, problem, route, token, account, id]
            ]),
          "There was none since the start."
        )
      )
    ].join("")
    return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"><title>hb-sessions-proxy</title></head><body><main><h1>hb-sessions-proxy</h1>${body}<p>For machines: /healthz, /readyz, /metrics, /usage</p></main></body></html>\n`
  })
