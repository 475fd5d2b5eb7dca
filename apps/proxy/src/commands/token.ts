/**
 * `hb-sessions-proxy token`: the tokens that clients of the proxy have.
 */
import * as Command from "effect/cli/Command"
import { create } from "./token/create.ts"
import { list } from "./token/list.ts"
import { revoke } from "./token/revoke.ts"
import { rotate } from "./token/rotate.ts"

export const token = Command.make("token").pipe(
  Command.withDescription("Create, list, revoke and rotate the tokens of clients."),
  Command.withSubcommands([create, list, revoke, rotate])
)
