/**
 * `hb-sessions config list`
 */
import * as Command from "effect/cli/Command"
import { lazily } from "../../lazily.ts"

export const list = Command.make(
  "list",
  {},
  lazily(async () => (await import("../../actions/config/list.ts")).list)
).pipe(
  Command.withDescription("Every setting, its value, and where that comes from; NDJSON when not in a terminal."),
  Command.withExamples([{ command: "hb-sessions config list --profile work", description: "What the profile says" }])
)
