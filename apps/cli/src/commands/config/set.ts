/**
 * `hb-sessions config set`
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import { lazily } from "../../lazily.ts"

const input = {
  key: Argument.String("key").pipe(Argument.withDescription("Name of a setting, such as base_url")),
  value: Argument.String("value").pipe(Argument.withDescription("Its value; empty text removes it"))
}

export type SetInput = Command.Command.Config.Infer<typeof input>

export const set = Command.make(
  "set",
  input,
  lazily(async () => (await import("../../actions/config/set.ts")).set)
).pipe(
  Command.withDescription("Write a setting into the profile, which is made if it does not exist."),
  Command.withExamples([
    { command: "hb-sessions config set concurrency 4", description: "For the profile in use" },
    { command: "hb-sessions config set base_url https://eu.example --profile eu", description: "For another one" }
  ])
)
