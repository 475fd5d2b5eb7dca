/**
 * `hb-sessions get`: its flags and its help.
 */
import { flagOf } from "@hb-sessions/app-kit/Setting"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import { concurrency, jq, pageSize, tz } from "../reading/flags.ts"
import { settings } from "../settings/settings.ts"

const input = {
  ids: Argument.String("id").pipe(
    Argument.withDescription("Id of a session, or an unambiguous prefix of it"),
    Argument.variadic({ min: 1 })
  ),
  format: flagOf("format", { ...settings.format, shown: "yaml in a terminal, ndjson elsewhere" }),
  jq,
  tz,
  concurrency,
  pageSize
}

export type GetInput = Command.Command.Config.Infer<typeof input>

export const get = Command.make("get", input).pipe(
  Command.withDescription("Show sessions by id; exits with 6 when one does not exist."),
  Command.withExamples([
    { command: "hb-sessions get 1c6d", description: "One session, with every field" },
    { command: "hb-sessions get 1c6d 20af --format csv", description: "Two of them as CSV, by prefixes of their ids" },
    { command: "hb-sessions get 1c6d --jq .launchState.screen", description: "A part of it" }
  ])
)
