/**
 * `hb-sessions auth login`
 */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { lazily } from "../../lazily.ts"

const flags = {
  skipCheck: Flag.Boolean("skip-check").pipe(
    Flag.withDescription("Store the key without asking the API whether it is valid (default: ask)"),
    Flag.withDefault(false)
  )
}

export type LoginInput = Command.Command.Config.Infer<typeof flags>

export const login = Command.make(
  "login",
  flags,
  lazily(async () => (await import("../../actions/auth/login.ts")).login)
).pipe(
  Command.withDescription(
    "Store an API key for the profile. It is asked for without echo, or read from stdin, and kept in a file that only you can read."
  ),
  Command.withExamples([
    { command: "hb-sessions auth login", description: "Asks for the key" },
    { command: "pass show hyperbrowser | hb-sessions auth login --profile work", description: "From a password store" }
  ])
)
