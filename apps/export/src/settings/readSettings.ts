/**
 * Reads the settings of a run and checks that they fit together.
 */
import { ApiKey } from "@hb-sessions/app-kit/ApiKey"
import * as TimeExpression from "@hb-sessions/app-kit/TimeExpression"
import { knownStatuses } from "@hb-sessions/core/Session"
import * as SessionsConfig from "@hb-sessions/core/SessionsConfig"
import * as SessionsColumns from "@hb-sessions/core/SessionsColumns"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import manifest from "../../package.json" with { type: "json" }
import { ACCOUNT, type Selection } from "./Selection.ts"
import type { Settings } from "./Settings.ts"
import { configs, timeZone, usage } from "./configs.ts"

const time = (flag: string, text: string) =>
  Effect.mapError(TimeExpression.parse(text), ({ message }) => usage(`--${flag}: ${message}`))

const readSettingsFor = Effect.fnUntraced(function* (key: Redacted.Redacted | undefined) {
  const {
    format,
    since: sinceText,
    status: statuses,
    until: untilText,
    ...rest
  } = yield* Config.all({
    format: configs.format,
    since: configs.since,
    until: configs.until,
    status: configs.status,
    columns: configs.columns,
    mode: configs.mode,
    compress: configs.compress,
    dialect: configs.dialect,
    partition: configs.partition
  })
  if (format !== "csv" && rest.dialect === "spreadsheet") {
    return yield* usage("--dialect spreadsheet applies to CSV only; leave it out, or give --format csv")
  }
  const compress = Option.getOrElse(rest.compress, () => (format === "parquet" ? "zstd" : "none"))
  if (format !== "parquet" && compress === "snappy") {
    return yield* usage("--compress snappy applies to Parquet only; give zstd or gzip, or --format parquet")
  }
  const account = (yield* configs["account-column"]) ? yield* accountName : undefined
  const chosen = yield* columnsOf(format, rest.columns)
  const columns = account === undefined || chosen.length === 0 ? chosen : [ACCOUNT, ...chosen]
  const hasEverything = columns.includes(SessionsColumns.everything)
  if (rest.mode === "incremental" && columns.length > 0 && !hasEverything && !columns.includes("id")) {
    return yield* usage(
      "--mode incremental needs the column id to recognise the rows of a session; add id to --columns"
    )
  }
  const since = Option.isSome(sinceText) ? yield* time("since", sinceText.value) : undefined
  const until = Option.isSome(untilText) ? yield* time("until", untilText.value) : undefined
  if (since !== undefined && until !== undefined && since >= until) {
    return yield* usage("--since must be before --until; no session would match")
  }
  const status = Option.match(statuses, {
    onNone: () => [],
    onSome: (names) =>
      [...new Set(names.split(",").map((name) => name.trim()))].filter((name) => name !== "").toSorted()
  })
  if (Option.isSome(statuses) && status.length === 0) return yield* usage("--status lists no status; leave it out")
  const unknown = status.filter((name) => !knownStatuses.some((known) => known === name))
  if (unknown.length > 0) {
    yield* Effect.logWarning(`unknown status ${unknown.join(", ")}; the API documents ${knownStatuses.join(", ")}`)
  }
  const server = yield* SessionsConfig.baseUrl
  const selection: Selection = {
    mode: rest.mode,
    format,
    compress,
    columns,
    ...(hasEverything ? { columnsAsked: columns } : {}),
    dialect: rest.dialect,
    partition: rest.partition,
    timeZone: yield* timeZone,
    status,
    ...(Option.isSome(sinceText) ? { since: sinceText.value } : {}),
    ...(Option.isSome(untilText) ? { until: untilText.value } : {}),
    server: `${server.origin}${server.pathname}`,
    ...(account === undefined ? {} : { account })
  }
  const settings: Settings = {
    selection,
    key,
    since,
    until,
    fullRefresh: yield* configs["full-refresh"],
    fullEvery: yield* configs["full-every"],
    minShare: yield* configs["min-share"],
    maxQuarantine: yield* configs["max-quarantine"],
    allowShrink: yield* configs["allow-shrink"],
    acceptAccountChange: yield* configs["accept-account-change"],
    strict: yield* configs.strict,
    keep: yield* configs.keep,
    keepFor: yield* configs["keep-for"],
    compactAfter: yield* configs["compact-after"],
    lookBack: yield* configs["look-back"],
    checkpointEvery: yield* configs["checkpoint-every"],
    resumeWithin: yield* configs["resume-within"],
    concurrency: Option.getOrUndefined(yield* configs.concurrency),
    pageSize: Option.getOrUndefined(yield* configs["page-size"]),
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

/** The name in the column of the account. */
const accountName = Effect.flatMap(
  configs.name,
  Option.match({
    onSome: (name) => Effect.succeed(name),
    onNone: () => usage("--account-column needs the name of the account; give --accounts, or --name")
  })
)

const columnsOf = (format: Selection["format"], names: Option.Option<string>) => {
  if (Option.isNone(names)) return Effect.succeed(format === "ndjson" ? [] : SessionsColumns.columns)
  return Effect.fromResult(
    Result.mapBoth(SessionsColumns.parseColumns(names.value), {
      // NDJSON has no header: `*` writes every key of each session.
      onSuccess: (columns) => (format === "ndjson" && columns.includes(SessionsColumns.everything) ? [] : columns),
      onFailure: ({ message }) => usage(`--columns: ${message}`)
    })
  )
}
