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
import { checkWritable } from "../publish/Directory.ts"
import { orDiskError } from "../exitCodes.ts"
import { preview, toLines } from "../publish/Preview.ts"
import { watch } from "../operations/RunMonitor.ts"
import { withClient } from "../settings/environment.ts"
import { flags, outConfig, runFlags, watchConfig } from "../settings/flags.ts"
import { readSettings } from "../settings/readSettings.ts"

/** Rejects a file for metrics that cannot be written, before anything is asked of the API. */
export const checkMetricsFile = Effect.flatMap(watchConfig, ({ metricsFile }) =>
  Option.match(metricsFile, { onNone: () => Effect.void, onSome: OutputFile.check })
)

/** One export under watch, with its line on stdout. */
export const exportOnce = Effect.gen(function* () {
  const directory = yield* outConfig
  const options = yield* watchConfig
  const job = Effect.flatMap(readSettings, ExportJob.run)
  const { bytes, compacted, digest, manifest, target } = yield* watch({ directory, ...options })(job)
  const proof = archiveText(manifest)
  const proven = proof === "" ? "" : `: ${manifest.completeness}${proof}`
  const apart = manifest.quarantine === undefined ? "" : `, ${manifest.quarantine.rows} rows quarantined`
  yield* Console.log(
    `exported ${manifest.sessions} sessions to ${target} (${bytes} bytes${apart})${proven}; generation ${(compacted ?? manifest).generation}, digest ${digest}`
  )
})

/** Looks at everything that a run needs, with one request. */
const rehearse = Effect.gen(function* () {
  const settings = yield* readSettings
  const client = yield* SessionsClient
  const found = yield* orDiskError(Effect.andThen(checkWritable(settings.directory), preview(settings)))
  const page = yield* client.getPage(
    settings.pageSize === undefined ? { page: 1 } : { page: 1, limit: settings.pageSize }
  )
  const lines = toLines(settings.directory, found)
  yield* Effect.forEach(lines, (line) => Console.log(line), { discard: true })
  yield* Console.log(`the API answers; its list holds ${page.totalCount ?? "an unknown number of"} sessions`)
})

export const runExport = Command.make("run", { ...flags, ...runFlags }, ({ "dry-run": isRehearsal, ...input }) =>
  Effect.andThen(checkMetricsFile, isRehearsal ? rehearse : exportOnce).pipe(withClient(input))
).pipe(
  Command.withDescription(
    "Export every session once, then exit. An earlier export is replaced only by a complete one."
  ),
  Command.withExamples([
    { command: "hb-sessions-export run --out /var/lib/exports", description: "Write /var/lib/exports/sessions.csv" }
  ])
)
