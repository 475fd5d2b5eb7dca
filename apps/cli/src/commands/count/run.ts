/**
 * Counts sessions by status.
 */
import { knownStatuses } from "@hb-sessions/core/Session"
import * as Sessions from "@hb-sessions/core/Sessions"
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Api from "../../reading/Api.ts"
import { totalOf } from "../../reading/Traffic.ts"
import type { CountInput } from "../count.ts"
import { print } from "../../output/print.ts"
import * as Progress from "../../output/Progress.ts"
import { Screen } from "../../output/Screen.ts"
import { count as withSeparators, fit, neutralise } from "../../output/text.ts"
import { reading, select } from "../../reading/selection.ts"
import { saySummary } from "../../reading/summary.ts"

/** Sessions by status, in the order in which they are shown. */
interface Counts {
  readonly sessions: number
  readonly byStatus: Readonly<Record<string, number>>
}

export const run = Effect.fn("count")(
  function* (input: CountInput) {
    const isServerEnough = [input.since, input.until, input.team, input.minCredits].every((flag) =>
      Option.isNone<unknown>(flag)
    )
    const totals = isServerEnough ? yield* ask(input.status) : undefined
    const counts = totals ?? (yield* Progress.during(read(input)))
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
    Effect.provide(effect, Api.layer({ concurrency, consistency, pageSize }))
)

const MAX_REQUESTS = 4

/** Not every server lets one ask for the statuses beyond the contract; they are counted as the rest. */
const filterable = knownStatuses.filter((status) => status !== "close-error")

/** Times that the totals are asked for while they do not add up. */
const MAX_ROUNDS = 3

/**
 * Totals of one moment, as far as requests can show: they are requested again while they do not add up, or until they
 * come out the same, since statuses beyond the contract make a difference too. Undefined when the server sends no totals.
 */
const ask = Effect.fnUntraced(function* (chosen: ReadonlyArray<string>) {
  let counts = yield* askOnce(chosen)
  for (let round = 1; round < MAX_ROUNDS && counts !== undefined && counts.difference !== 0; round++) {
    const again = yield* askOnce(chosen)
    const isSame = again?.difference === counts.difference
    counts = again
    if (isSame) break
  }
  if (counts === undefined) return undefined
  const { byStatus, difference } = counts
  const others = Math.max(0, difference)
  const shown = others === 0 ? byStatus : { ...byStatus, other: others }
  return { sessions: Object.values(shown).reduce((sum, value) => sum + value, 0), byStatus: shown } satisfies Counts
})

/** One request per status, and one for all; the difference is what no status accounts for. */
const askOnce = Effect.fnUntraced(function* (chosen: ReadonlyArray<string>) {
  const client = yield* SessionsClient
  const statuses = [...new Set(chosen.length === 0 ? filterable : chosen)]
  const total = (status?: string) => Effect.map(client.getPage(status === undefined ? {} : { status }), totalOf)
  const totals = yield* Effect.forEach(chosen.length === 0 ? [...statuses, undefined] : statuses, total, {
    concurrency: MAX_REQUESTS
  })
  if (!totals.every((value) => value !== undefined)) return undefined
  const byStatus = Object.fromEntries(statuses.map((status, index) => [status, totals[index] ?? 0] as const))
  const known = Object.values(byStatus).reduce((sum, value) => sum + value, 0)
  return { byStatus, difference: chosen.length > 0 ? 0 : (totals.at(-1) ?? 0) - known }
})

/** Reads the list and counts. */
const read = Effect.fnUntraced(function* (input: CountInput) {
  const { matches, options } = yield* select(input)
  const byStatus = new Map<string, number>()
  let sessions = 0
  const { onReport, report } = yield* Sessions.keepReport
  yield* Sessions.stream({ ...options, ...(yield* reading), onReport }).pipe(
    Stream.filter(matches),
    Stream.runForEachArray((batch) =>
      Effect.sync(() => {
        sessions += batch.length
        for (const { status = "unknown" } of batch) byStatus.set(status, (byStatus.get(status) ?? 0) + 1)
      })
    )
  )
  yield* saySummary(yield* report, sessions)
  return { sessions, byStatus: Object.fromEntries([...byStatus].toSorted(([a], [b]) => (a < b ? -1 : 1))) }
})

const table = ({ byStatus, sessions }: Counts): string => {
  const rows = [
    ...Object.entries(byStatus).map(([name, value]) => [neutralise(name), value] as const),
    ["total", sessions] as const
  ]
  return rows.map(([name, value]) => `${fit(name, 14)}${fit(withSeparators(value), 12, "right")}\n`).join("")
}
