/**
 * The root of the command tree.
 */
import * as Command from "effect/cli/Command"
import { serve } from "./serve.ts"

export const hbSessionsProxy = Command.make("hb-sessions-proxy").pipe(
  Command.withDescription(
    "Serve Hyperbrowser's sessions API without handing out the API key. Set HYPERBROWSER_API_KEY first; HYPERBROWSER_BASE_URL names another upstream."
  ),
  Command.withExamples([
    { command: "hb-sessions-proxy serve --port 8080", description: "Serve on http://127.0.0.1:8080" }
  ]),
  Command.withSubcommands([serve])
)
