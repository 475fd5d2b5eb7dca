/**
 * `hb-sessions auth status`
 */
import * as Command from "effect/cli/Command"
import { lazily } from "../../lazily.ts"

export const status = Command.make(
  "status",
  {},
  lazily(async () => (await import("../../actions/auth/status.ts")).status)
).pipe(
  Command.withDescription(
    "Say where the key comes from and whether the API accepts it, never the key; exits with 3 if not."
  ),
  Command.withExamples([{ command: "hb-sessions auth status --profile work", description: "Of another profile" }])
)
