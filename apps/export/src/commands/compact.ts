/**
 * `hb-sessions-export compact`
 */
import { flagsOf } from "@hb-sessions/app-kit/Setting"
import * as Command from "effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as ExportJob from "../ExportJob.ts"
import { Destination } from "../publish/Destination.ts"
import { withSettings } from "../settings/environment.ts"
import { compactSettings, outSettings } from "../settings/runSettings.ts"
import { readSettingsWithoutKey } from "../settings/readSettings.ts"

export const compactExport = Command.make("compact", flagsOf({ ...outSettings, ...compactSettings }), (given) =>
  Effect.gen(function* () {
    const { name } = yield* Destination
    const settings = yield* readSettingsWithoutKey
    const compacted = yield* ExportJob.compact(settings)
    yield* Console.log(
      compacted === undefined
        ? `nothing to compact: ${name} already holds each session once`
        : `compacted ${compacted.stored.manifest.current} sessions to ${compacted.target}; generation ${compacted.stored.manifest.generation}, digest ${compacted.stored.sha256}`
    )
  }).pipe(withSettings(given))
).pipe(
  Command.withDescription(
    "Compact an incremental export into one file, or one per partition, with the latest version of each session and without those that have left. Makes no API requests. Runs compact by themselves (--compact-after)."
  ),
  Command.withExamples([
    {
      command: "hb-sessions-export compact --out /var/lib/exports",
      description: "Make /var/lib/exports/sessions.csv the current view"
    }
  ])
)
