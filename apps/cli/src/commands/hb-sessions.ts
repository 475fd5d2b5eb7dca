/**
 * The root of the command tree.
 */
import * as Command from "effect/cli/Command"
import { list } from "./list.ts"

export const hbSessions = Command.make("hb-sessions").pipe(
  Command.withDescription(
    "Read a Hyperbrowser team's browser sessions. Set HYPERBROWSER_API_KEY first; HYPERBROWSER_BASE_URL names another server."
  ),
  Command.withExamples([
    { command: "hb-sessions list", description: "The first 20 sessions as a table" },
    { command: "hb-sessions list --all --format csv > sessions.csv", description: "Every session as CSV" }
  ]),
  Command.withSubcommands([list])
)
