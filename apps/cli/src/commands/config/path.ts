/**
 * `hb-sessions config path`
 */
import * as Command from "effect/cli/Command"
import { lazily } from "../../lazily.ts"

export const path = Command.make(
  "path",
  {},
  lazily(async () => (await import("../../actions/config/path.ts")).path)
).pipe(
  Command.withDescription("Print the path of the settings file, whether it exists or not."),
  Command.withExamples([{ command: '$EDITOR "$(hb-sessions config path)"', description: "Edit it" }])
)
