/**
 * `hb-sessions-export run`
 */
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import * as OutputFile from "@hb-sessions/app-kit/OutputFile"
import * as Command from "effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { archiveText } from "../publish/Archive.ts"
import * as ExportJob from "../ExportJob.ts"
import { Destination } from "../publish/Destination.ts"
import { orDiskError } from "../exitCodes.ts"
import { preview, toLines } from "../publish/Preview.ts"
import * as Notify from "../operations/Notify.ts"
import { watch } from "../operations/RunMonitor.ts"
import { withClient } from "../settings/environment.ts"
import { watchConfig } from "../settings/configs.ts"
import { flags, runFlags } from "../settings/flags.ts"
import { readSettings } from "../settings/readSettings.ts"

/** Rejects a metrics file that cannot be written, before any API request. */
export const checkMetricsFile = Effect.flatMap(watchConfig, ({ metricsFile }) =>
  Option.match(metricsFile, { onNone: () => Effect.void, onSome: OutputFile.check })
)

/** One monitored export, with its summary on stdout. */
export const exportOnce = Effect.fnUntraced(function* (notifier: Notify.Notifier) {
  const options = yield* watchConfig
  const job = Effect.flatMap(readSettings, ExportJob.run)
  const { bytes, compacted, stored, target } = yield* notifier.watch(watch(options)(job))
  const { completeness, quarantine, sessions } = stored.manifest
  const last = compacted ?? stored
  const proof = archiveText(stored.manifest)
  const proven = proof === "" ? "" : `: ${completeness}${proof}`
  const quarantined = quarantine === undefined ? "" : `, ${quarantine.rows} rows quarantined`
  yield* Console.log(
    `exported ${sessions} sessions to ${target} (${bytes} bytes${quarantined})${proven}; generation ${last.manifest.generation}, digest ${last.sha256}`
  )
})

/** Checks everything that a run needs, with one request. */
const rehearse = Effect.gen(function* () {
  const { check } = yield* Destination
  const settings = yield* readSettings
  const client = yield* SessionsClient
  const found = yield* orDiskError(Effect.andThen(check, preview(settings)))
  const page = yield* client.getPage(
    settings.pageSize === undefined ? { page: 1 } : { page: 1, limit: settings.pageSize }
  )
  const lines = toLines(found)
  yield* Effect.forEach(lines, (line) => Console.log(line), { discard: true })
  yield* Console.log(`the API responds; its list has ${page.totalCount ?? "an unknown number of"} sessions`)
})

export const runExport = Command.make("run", { ...flags, ...runFlags }, ({ "dry-run": isRehearsal, ...input }) =>
  isRehearsal
    ? Effect.andThen(checkMetricsFile, rehearse).pipe(withClient(input))
    : Effect.andThen(checkMetricsFile, Effect.flatMap(Notify.make({}), exportOnce)).pipe(
        withClient(input),
        Notify.watchStart(input)
      )
).pipe(
  Command.withDescription(
    "Export every session once, then exit. An earlier export is replaced only by a complete one."
  ),
  Command.withExamples([
    { command: "hb-sessions-export run --out /var/lib/exports", description: "Write /var/lib/exports/sessions.csv" }
  ])
)
