/**
 * `hb-sessions-export inspect`
 */
import * as Command from "effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { orDiskError } from "../exitCodes.ts"
import { preview, toLines } from "../publish/Preview.ts"
import { withSettings } from "../settings/environment.ts"
import { flags } from "../settings/flags.ts"
import { readSettingsWithoutKey } from "../settings/readSettings.ts"

export const inspectExport = Command.make("inspect", flags, (input) =>
  Effect.gen(function* () {
    const settings = yield* readSettingsWithoutKey
    const found = yield* orDiskError(preview(settings))
    yield* Effect.forEach(toLines(found), (line) => Console.log(line), { discard: true })
  }).pipe(withSettings(input))
).pipe(
  Command.withDescription(
    "Print what is published, where the bookmark is, and what the next run with these flags would do. Writes nothing."
  ),
  Command.withExamples([
    { command: "hb-sessions-export inspect --out /var/lib/exports", description: "Look at /var/lib/exports" }
  ])
)
