/**
 * `hb-sessions auth`
 */
import * as Command from "effect/cli/Command"
import { login } from "./auth/login.ts"
import { logout } from "./auth/logout.ts"
import { status } from "./auth/status.ts"

export const auth = Command.make("auth").pipe(
  Command.withDescription("Store, check and delete the API key of a profile."),
  Command.withSubcommands([login, status, logout])
)
