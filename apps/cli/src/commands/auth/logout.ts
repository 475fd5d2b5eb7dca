/**
 * `hb-sessions auth logout`
 */
import * as Command from "effect/cli/Command"
import { lazily } from "../../lazily.ts"

export const logout = Command.make(
  "logout",
  {},
  lazily(async () => (await import("../../actions/auth/logout.ts")).logout)
).pipe(
  Command.withDescription("Forget the stored key of the profile."),
  Command.withExamples([{ command: "hb-sessions auth logout --profile work", description: "Of another profile" }])
)
