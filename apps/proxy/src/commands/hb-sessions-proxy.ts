/**
 * The root of the command tree.
 */
import * as Command from "effect/cli/Command"
import { serve } from "./serve.ts"
import { token } from "./token.ts"
import { usage } from "./usage.ts"

export const hbSessionsProxy = Command.make("hb-sessions-proxy").pipe(
  Command.withDescription(
    "Serve Hyperbrowser's sessions API without handing out the API key. Set HYPERBROWSER_API_KEY first, or HYPERBROWSER_API_KEY_FILE to a file that holds the key; HYPERBROWSER_BASE_URL names another upstream."
  ),
  Command.withExamples([
    {
      command: "hb-sessions-proxy token create --name team-a --expires 90d --tokens-file tokens.json",
      description: "Create a token for a team"
    },
    {
      command: "hb-sessions-proxy serve --tokens-file tokens.json",
      description: "Serve on http://127.0.0.1:8080"
    }
  ]),
  Command.withSubcommands([serve, token, usage])
)
