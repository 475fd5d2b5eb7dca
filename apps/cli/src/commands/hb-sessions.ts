/**
 * The root of the command tree.
 */
import * as Command from "effect/cli/Command"
import { globalFlags } from "../globalFlags.ts"
import { auth } from "./auth.ts"
import { completions } from "./completions.ts"
import { config } from "./config.ts"
import { count } from "./count.ts"
import { doctor } from "./doctor.ts"
import { get } from "./get.ts"
import { list } from "./list.ts"
import { open } from "./open.ts"
import { stats } from "./stats.ts"
import { watch } from "./watch.ts"

export const hbSessions = Command.make("hb-sessions").pipe(
  Command.withDescription(
    "Read a Hyperbrowser team's browser sessions. Run hb-sessions auth login first, or set HYPERBROWSER_API_KEY."
  ),
  Command.withExamples([
    { command: "hb-sessions list", description: "The newest 20 sessions as a table" },
    { command: "hb-sessions list --all --format csv > sessions.csv", description: "Every session as CSV" }
  ]),
  Command.withSubcommands([list, get, count, stats, watch, open, config, auth, doctor, completions]),
  Command.withGlobalFlags(globalFlags)
)
