/**
 * The root of the command tree.
 */
import * as Command from "effect/cli/Command"
import { compactExport } from "./compact.ts"
import { fleet } from "./fleet.ts"
import { inspectExport } from "./inspect.ts"
import { runExport } from "./run.ts"
import { scheduleExport } from "./schedule.ts"
import { runWorker } from "./worker.ts"
import { verifyExport } from "./verify.ts"

export const hbSessionsExport = Command.make("hb-sessions-export").pipe(
  Command.withDescription(
    "Export a Hyperbrowser team's browser sessions to files, completely or not at all. Set HYPERBROWSER_API_KEY first, or HYPERBROWSER_API_KEY_FILE to a file that holds the key; set HYPERBROWSER_BASE_URL for another server."
  ),
  Command.withExamples([
    { command: "hb-sessions-export run --out ./exports", description: "Export every session to ./exports/sessions.csv" }
  ]),
  Command.withSubcommands([runExport, scheduleExport, runWorker, fleet, compactExport, verifyExport, inspectExport])
)
