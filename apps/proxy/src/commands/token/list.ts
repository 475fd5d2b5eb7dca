/**
 * `hb-sessions-proxy token list`
 */
import { aligned } from "@hb-sessions/app-kit/aligned"
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
    const lastUses = yield* place.lastUses
    const rows = tokens.map((record) => describe(record, now, lastUses.get(record.id)))
    if (options.json) return yield* Console.log(JSON.stringify(rows, undefined, 2))
    return yield* Console.log(table(rows))
  }, Effect.scoped)
).pipe(Command.withDescription("List the tokens, without their secrets, and when each was last used, to the minute."))

const iso = (millis: number | undefined): string =>
  millis === undefined ? "never" : new Date(millis).toISOString().slice(0, 19) + "Z"

const describe = (record: TokenRecord, now: number, lastUsed: number | undefined) => ({
  id: record.id,
  name: record.name,
  ...(record.account === undefined ? {} : { account: record.account }),
  state: stateOf(record, now),
  scopes: record.scopes.join(","),
  statuses: record.statuses?.join(",") ?? "all",
  rate: record.rate === undefined ? "default" : record.rate === 0 ? "no limit" : String(record.rate),
  created: iso(record.createdAt),
  expires: iso(stateOf(record, now) === "active" ? (record.overlapUntil ?? record.expiresAt) : record.expiresAt),
  ...(lastUsed === undefined ? {} : { lastUsed: iso(lastUsed) })
})

const table = (rows: ReadonlyArray<ReturnType<typeof describe>>): string => {
  const hasAccounts = rows.some(({ account }) => account !== undefined)
  const account = hasAccounts ? (["account"] as const) : []
  const columns = [
    "id",
    "name",
    ...account,
    "state",
    "scopes",
    "statuses",
    "rate",
    "created",
    "expires",
    "lastUsed"
  ] as const
  const lines = [
    columns.map((column) => (column === "lastUsed" ? "LAST USED" : column.toUpperCase())),
    ...rows.map((row) => columns.map((column) => row[column] ?? "-"))
  ]
  return aligned(lines).join("\n")
}
