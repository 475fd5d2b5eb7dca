/**
 * Reads the settings of a run and checks that they fit together.
 */
import { ApiKey } from "@hb-sessions/app-kit/ApiKey"
import * as Setting from "@hb-sessions/app-kit/Setting"
import { knownStatuses } from "@hb-sessions/core/Session"
import * as SessionsConfig from "@hb-sessions/core/SessionsConfig"
import * as SessionsColumns from "@hb-sessions/core/SessionsColumns"
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import manifest from "../../package.json" with { type: "json" }
import { ACCOUNT, type Selection } from "./Selection.ts"
import type { Settings } from "./Settings.ts"
import { usage } from "./configs.ts"
import { runSettings } from "./runSettings.ts"

const readSettingsFor = Effect.fnUntraced(function* (key: Redacted.Redacted | undefined) {
  const given = yield* Setting.configOfAll(runSettings)
  const { dialect, format, mode, partition, since, tz, until } = given
  if (format !== "csv" && dialect === "spreadsheet") {
    return yield* usage("--dialect spreadsheet applies to CSV only; leave it out, or give --format csv")
  }
  const { compress = format === "parquet" ? "zstd" : "none" } = given
  if (format !== "parquet" && compress === "snappy") {
    return yield* usage("--compress snappy applies to Parquet only; give zstd or gzip, or --format parquet")
  }
  if (given.accountColumn && given.name === undefined) {
    return yield* usage("--account-column needs the name of the account; give --accounts, or --name")
  }
  const account = given.accountColumn ? given.name : undefined
  const chosen = yield* columnsOf(format, given.columns)
  const columns = account === undefined || chosen.length === 0 ? chosen : [ACCOUNT, ...chosen]
  const hasEverything = columns.includes(SessionsColumns.everything)
  if (mode === "incremental" && columns.length > 0 && !hasEverything && !columns.includes("id")) {
    return yield* usage(
      "--mode incremental needs the column id to recognise the rows of a session; add id to --columns"
    )
  }
  if (since !== undefined && until !== undefined && since.millis >= until.millis) {
    return yield* usage("--since must be before --until; no session would match")
  }
  const names = given.status?.split(",").map((name) => name.trim()) ?? []
  const status = [...new Set(names)].filter((name) => name !== "").toSorted()
  if (given.status !== undefined && status.length === 0) return yield* usage("--status lists no status; leave it out")
  const unknown = status.filter((name) => !knownStatuses.some((known) => known === name))
  if (unknown.length > 0) {
    yield* Effect.logWarning(`unknown status ${unknown.join(", ")}; the API documents ${knownStatuses.join(", ")}`)
  }
  const server = yield* SessionsConfig.baseUrl
  const selection: Selection = {
    mode,
    format,
    compress,
    columns,
    ...(hasEverything ? { columnsAsked: columns } : {}),
    dialect,
    partition,
    timeZone: tz,
    status,
    ...(since === undefined ? {} : { since: since.text }),
    ...(until === undefined ? {} : { until: until.text }),
    server: `${server.origin}${server.pathname}`,
    ...(account === undefined ? {} : { account })
  }
  const settings: Settings = {
    ...given,
    selection,
    key,
    since: since?.millis,
    until: until?.millis,
    version: manifest.version
  }
  return settings
})

/** Reads the settings of a run, and its key anew; times such as `7d` are relative to now. */
export const readSettings = Effect.flatMap(
  ApiKey.use(({ current }) => current),
  readSettingsFor
)

/** Reads the settings of commands that do not call the API. */
export const readSettingsWithoutKey = readSettingsFor(undefined)

const columnsOf = (format: Selection["format"], names: string | undefined) => {
  if (names === undefined) return Effect.succeed(format === "ndjson" ? [] : SessionsColumns.columns)
  return Effect.fromResult(
    Result.mapBoth(SessionsColumns.parseColumns(names), {
      // NDJSON has no header: `*` writes every key of each session.
      onSuccess: (columns) => (format === "ndjson" && columns.includes(SessionsColumns.everything) ? [] : columns),
      onFailure: ({ message }) => usage(`--columns: ${message}`)
    })
  )
}
