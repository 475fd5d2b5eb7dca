/**
 * `hb-sessions-proxy token list`
 */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { stateOf, type TokenRecord } from "../../access/Token.ts"
import * as TokensPlace from "./TokensPlace.ts"

export const list = Command.make(
  "list",
  {
    ...TokensPlace.placeFlags,
    json: Flag.Boolean("json").pipe(Flag.withDescription("Print JSON (default: a table)"), Flag.withDefault(false))
  },
  Effect.fn("token list")(function* (options) {
    const now = yield* Clock.currentTimeMillis
    const place = yield* TokensPlace.find(options)
    const { tokens } = yield* place.read
    const rows = tokens.map((record) => describe(record, now))
    if (options.json) return yield* Console.log(JSON.stringify(rows, undefined, 2))
    return yield* Console.log(table(rows))
  }, Effect.scoped)
).pipe(Command.withDescription("List the tokens, without their secrets."))

const iso = (millis: number | undefined): string =>
  millis === undefined ? "never" : new Date(millis).toISOString().slice(0, 19) + "Z"

const describe = (record: TokenRecord, now: number) => ({
  id: record.id,
  name: record.name,
  ...(record.account === undefined ? {} : { account: record.account }),
  state: stateOf(record, now),
  scopes: record.scopes.join(","),
  statuses: record.statuses?.join(",") ?? "all",
  rate: record.rate === undefined ? "default" : record.rate === 0 ? "no limit" : String(record.rate),
  created: iso(record.createdAt),
  expires: iso(stateOf(record, now) === "active" ? (record.overlapUntil ?? record.expiresAt) : record.expiresAt)
})

const table = (rows: ReadonlyArray<ReturnType<typeof describe>>): string => {
  const hasAccounts = rows.some(({ account }) => account !== undefined)
  const account = hasAccounts ? (["account"] as const) : []
  const columns = ["id", "name", ...account, "state", "scopes", "statuses", "rate", "created", "expires"] as const
  const lines = [
    columns.map((column) => column.toUpperCase()),
    ...rows.map((row) => columns.map((column) => row[column] ?? "-"))
  ]
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => line[index]?.length ?? 0)))
  return lines
    .map((line) =>
      line
        .map((cell, index) => cell.padEnd(widths[index] ?? 0))
        .join("  ")
        .trimEnd()
    )
    .join("\n")
}
