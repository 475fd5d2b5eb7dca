/**
 * `hb-sessions config`
 */
import * as Command from "effect/cli/Command"
import { get } from "./config/get.ts"
import { list } from "./config/list.ts"
import { path } from "./config/path.ts"
import { set } from "./config/set.ts"

export const config = Command.make("config").pipe(
  Command.withDescription("Show and change the settings of a profile; flags and environment variables override them."),
  Command.withSubcommands([list, get, set, path])
)
