/**
 * `hb-sessions config get`
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import { lazily } from "../../lazily.ts"

const input = { key: Argument.String("key").pipe(Argument.withDescription("Name of a setting, such as base_url")) }

export type GetInput = Command.Command.Config.Infer<typeof input>

export const get = Command.make(
  "get",
  input,
  lazily(async () => (await import("../../actions/config/get.ts")).get)
).pipe(
  Command.withDescription("Print the value of one setting."),
  Command.withExamples([{ command: "hb-sessions config get base_url", description: "Where the API is served" }])
)
