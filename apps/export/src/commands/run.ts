/**
 * `hb-sessions-export run`
 */
import { ApiKey } from "@hb-sessions/app-kit/ApiKey"
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import * as OutputFile from "@hb-sessions/app-kit/OutputFile"
import { flagsOf } from "@hb-sessions/app-kit/Setting"
import * as Command from "effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Option from "effect/Option"
import { archiveText } from "../publish/Archive.ts"
import * as ExportJob from "../ExportJob.ts"
import { Destination } from "../publish/Destination.ts"
import { orDiskError } from "../exitCodes.ts"
import { preview, toLines } from "../publish/Preview.ts"
import * as Notify from "../operations/Notify.ts"
import { watch } from "../operations/RunMonitor.ts"
import type { Published } from "../publish/publishGeneration.ts"
import { inTable } from "./inTable.ts"
import { type SelectedAccount, selected, within } from "../settings/accounts.ts"
import { withClient, withClientOf } from "../settings/environment.ts"
import { watchConfig } from "../settings/configs.ts"
import { accountSettings, dryRun, parallelSettings, runSettings } from "../settings/runSettings.ts"
import { readSettings } from "../settings/readSettings.ts"

/** Rejects a metrics file that cannot be written, before any API request. */
export const checkMetricsFile = Effect.flatMap(watchConfig, ({ metricsFile }) =>
  Option.match(metricsFile, { onNone: () => Effect.void, onSome: OutputFile.check })
)

/** One monitored export. */
export const exportOnce = Effect.fnUntraced(function* (notifier: Notify.Notifier) {
  const options = yield* watchConfig
  const job = Effect.flatMap(readSettings, ExportJob.run)
  return yield* notifier.watch(watch(options)(job))
})

/** What is told of an export. */
export const summaryOf = ({ bytes, compacted, stored, target }: Published): string => {
  const { completeness, quarantine, sessions } = stored.manifest
  const last = compacted ?? stored
  const proof = archiveText(stored.manifest)
  const proven = proof === "" ? "" : `: ${completeness}${proof}`
  const quarantined = quarantine === undefined ? "" : `, ${quarantine.rows} rows quarantined`
  return `exported ${sessions} sessions to ${target} (${bytes} bytes${quarantined})${proven}; generation ${last.manifest.generation}, digest ${last.sha256}`
}

/** Checks everything that a run needs, with one request; its lines come at once, below a title if there is one. */
const rehearse = Effect.fnUntraced(function* (title: ReadonlyArray<string>) {
  const { check } = yield* Destination
  const settings = yield* readSettings
  const client = yield* SessionsClient
  const found = yield* orDiskError(Effect.andThen(check, preview(settings)))
  const page = yield* client.getPage(
    settings.pageSize === undefined ? { page: 1 } : { page: 1, limit: settings.pageSize }
  )
  const response = `the API responds; its list has ${page.totalCount ?? "an unknown number of"} sessions`
  yield* Console.log([...title, ...toLines(found), response].join("\n"))
})

/** One export in the environment that `withClient` provides. */
export const exportNow = (options: Notify.NotifyOptions) =>
  Effect.andThen(checkMetricsFile, Effect.flatMap(Notify.make(options), exportOnce))

/** One export of one account of many, with its own client and settings. */
export const exportAccount = ({ account, given }: SelectedAccount) =>
  exportNow({ account: account.name }).pipe(
    Effect.tap((published) => Effect.logInfo(summaryOf(published))),
    withClientOf(ApiKey.layer(account.key))(given),
    Notify.watchStart(given, account.name),
    within(account)
  )

const rehearseAccount = ({ account, given }: SelectedAccount) =>
  Effect.andThen(checkMetricsFile, rehearse([`${account.name}:`])).pipe(
    withClientOf(ApiKey.layer(account.key))(given),
    within(account)
  )

const runAccounts = (isRehearsal: boolean) =>
  inTable((one) =>
    isRehearsal
      ? Effect.as(rehearseAccount(one), { outcome: "ready" })
      : Effect.map(exportAccount(one), ({ stored: { manifest } }) => ({
          outcome: "published",
          rows: manifest.sessions,
          completeness: manifest.completeness
        }))
  )

export const runExport = Command.make(
  "run",
  { ...flagsOf({ ...runSettings, ...accountSettings, ...parallelSettings }), dryRun },
  ({ dryRun: isRehearsal, ...given }) =>
    Effect.flatMap(
      selected(given).pipe(isRehearsal ? identity : Notify.watchSettings(given)),
      Option.match({
        onSome: runAccounts(isRehearsal),
        onNone: () =>
          isRehearsal
            ? Effect.andThen(checkMetricsFile, rehearse([])).pipe(withClient(given))
            : exportNow({}).pipe(
                Effect.flatMap((published) => Console.log(summaryOf(published))),
                withClient(given),
                Notify.watchStart(given)
              )
      })
    )
).pipe(
  Command.withDescription(
    "Export every session once, then exit. An earlier export is replaced only by a complete one."
  ),
  Command.withExamples([
    { command: "hb-sessions-export run --out /var/lib/exports", description: "Write /var/lib/exports/sessions.csv" },
    {
      command: "hb-sessions-export run --accounts accounts.toml --out 's3://exports/{account}'",
      description: "Export every account of a file to a place of its own"
    }
  ])
)
