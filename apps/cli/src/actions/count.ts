/**
 * Counts sessions by status.
 */
import { knownStatuses } from "@hb-sessions/core/Session"
import * as Sessions from "@hb-sessions/core/Sessions"
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import type { SweepReport } from "@hb-sessions/core/SweepReport"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Api from "../api/Api.ts"
import type { CountInput } from "../commands/count.ts"
import { print } from "../output.ts"
import * as Progress from "../terminal/Progress.ts"
import { Screen } from "../terminal/Screen.ts"
import { Talk } from "../terminal/Talk.ts"
import { count as withSeparators, fit, neutralise } from "../terminal/text.ts"
import { reading, select } from "./selection.ts"
import { summaryOf } from "./summary.ts"

/** Sessions by status, in the order in which they are shown. */
interface Counts {
  readonly sessions: number
  readonly byStatus: Readonly<Record<string, number>>
}

export const count = Effect.fn("count")(
  function* (input: CountInput) {
    const isServerEnough = [input.since, input.until, input.team, input.minCredits].every((flag) =>
      Option.isNone<unknown>(flag)
    )
    const told = isServerEnough ? yield* ask(input.status) : undefined
    const counts = told ?? (yield* Progress.during(read(input)))
    const screen = yield* Screen
    switch (Option.getOrElse(input.format, () => (screen.isTerminal ? "table" : "json"))) {
      case "number":
        return yield* print(`${counts.sessions}\n`)
      case "json":
        return yield* print(`${JSON.stringify(counts)}\n`)
      case "table":
        return yield* print(table(counts))
    }
  },
  (effect, { concurrency, consistency, pageSize }) =>
    Effect.provide(effect, Api.layer({ concurrency, consistency, page_size: pageSize }))
)

const MAX_REQUESTS = 4

/** One request a status, and one for all; undefined when the server does not tell totals. */
const ask = Effect.fnUntraced(function* (chosen: ReadonlyArray<string>) {
  const client = yield* SessionsClient
  const statuses = [...new Set(chosen.length === 0 ? knownStatuses : chosen)]
  const total = (status?: string) => Effect.map(client.getPage(status === undefined ? {} : { status }), totalOf)
  const totals = yield* Effect.forEach(chosen.length === 0 ? [...statuses, undefined] : statuses, total, {
    concurrency: MAX_REQUESTS
  })
  if (!totals.every((value) => value !== undefined)) return undefined
  const entries = statuses.map((status, index) => [status, totals[index] ?? 0] as const)
  const known = entries.reduce((sum, [, value]) => sum + value, 0)
  if (chosen.length > 0) return { sessions: known, byStatus: Object.fromEntries(entries) } satisfies Counts
  const sessions = totals.at(-1) ?? 0
  // Statuses beyond the contract; a list that changed between the requests may seem to have fewer than none.
  const others = Math.max(0, sessions - known)
  return {
    sessions,
    byStatus: Object.fromEntries(others === 0 ? entries : [...entries, ["other", others] as const])
  } satisfies Counts
})

const totalOf = ({ totalCount }: { readonly totalCount?: number }) => totalCount

/** Reads the list and counts. */
const read = Effect.fnUntraced(function* (input: CountInput) {
  const talk = yield* Talk
  const { matches, options } = yield* select(input)
  const byStatus = new Map<string, number>()
  let sessions = 0
  let report: SweepReport | undefined
  const onReport = (value: SweepReport) =>
    Effect.sync(() => {
      report = value
    })
  yield* Sessions.stream({ ...options, ...(yield* reading), onReport }).pipe(
    Stream.filter(matches),
    Stream.runForEachArray((batch) =>
      Effect.sync(() => {
        sessions += batch.length
        for (const { status = "unknown" } of batch) byStatus.set(status, (byStatus.get(status) ?? 0) + 1)
      })
    )
  )
  if (report !== undefined) yield* talk.detail(summaryOf(report, sessions))
  return { sessions, byStatus: Object.fromEntries([...byStatus].toSorted(([a], [b]) => (a < b ? -1 : 1))) }
})

const table = ({ byStatus, sessions }: Counts): string => {
  const rows = [
    ...Object.entries(byStatus).map(([name, value]) => [neutralise(name), value] as const),
    ["total", sessions] as const
  ]
  return rows.map(([name, value]) => `${fit(name, 14)}${fit(withSeparators(value), 12, "right")}\n`).join("")
}
