/**
 * The root of the command tree.
 */
import * as Command from "effect/cli/Command"
import { runExport } from "./run.ts"

export const hbSessionsExport = Command.make("hb-sessions-export").pipe(
  Command.withDescription(
    "Export a Hyperbrowser team's browser sessions to CSV. Set HYPERBROWSER_API_KEY first; HYPERBROWSER_BASE_URL names another server."
  ),
  Command.withExamples([
    { command: "hb-sessions-export run --out ./exports", description: "Export every session to ./exports/sessions.csv" }
  ]),
  Command.withSubcommands([runExport])
)
