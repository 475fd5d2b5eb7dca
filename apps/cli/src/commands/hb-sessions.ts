/**
 * The root of the command tree. A handler that needs the API is loaded when its command runs, so that help does not wait
 * for it.
 */
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { globalFlags } from "../settings/globalFlags.ts"
import { auth } from "./auth.ts"
import { completionsOf } from "./completions.ts"
import { config } from "./config.ts"
import { count } from "./count.ts"
import { doctor } from "./doctor.ts"
import { get } from "./get.ts"
import { list } from "./list.ts"
import { open } from "./open.ts"
import { stats } from "./stats.ts"
import { watch } from "./watch.ts"

/** The handler that a module exports as `run`. */
const lazily =
  <Input, E, R>(load: () => Promise<{ readonly run: (input: Input) => Effect.Effect<void, E, R> }>) =>
  (input: Input): Effect.Effect<void, E, R> =>
    Effect.flatMap(Effect.promise(load), ({ run }) => run(input))

export const hbSessions = Command.make("hb-sessions").pipe(
  Command.withDescription(
    "Read a Hyperbrowser team's browser sessions. Run hb-sessions auth login first, or set HYPERBROWSER_API_KEY, or HYPERBROWSER_API_KEY_FILE to a file that holds the key."
  ),
  Command.withExamples([
    { command: "hb-sessions list", description: "The newest 20 sessions as a table" },
    { command: "hb-sessions list --all --format csv > sessions.csv", description: "Every session as CSV" }
  ]),
  Command.withSubcommands([
    Command.withHandler(
      list,
      lazily(() => import("./list/run.ts"))
    ),
    Command.withHandler(
      get,
      lazily(() => import("./get/run.ts"))
    ),
    Command.withHandler(
      count,
      lazily(() => import("./count/run.ts"))
    ),
    Command.withHandler(
      stats,
      lazily(() => import("./stats/run.ts"))
    ),
    Command.withHandler(
      watch,
      lazily(() => import("./watch/run.ts"))
    ),
    Command.withHandler(
      open,
      lazily(() => import("./open/run.ts"))
    ),
    config,
    auth,
    Command.withHandler(
      doctor,
      lazily(() => import("./doctor/run.ts"))
    ),
    completionsOf((): Command.Command.Any => hbSessions)
  ]),
  Command.withGlobalFlags(globalFlags)
)
