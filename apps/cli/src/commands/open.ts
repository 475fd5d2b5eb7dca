/**
 * `hb-sessions open`: its flags and its help.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { concurrency, pageSize } from "../reading/flags.ts"

const input = {
  id: Argument.String("id").pipe(Argument.withDescription("Id of a session, or an unambiguous prefix of it")),
  print: Flag.Boolean("print").pipe(
    Flag.withDescription("Print the URL instead of opening it (default: off)"),
    Flag.withDefault(false)
  ),
  concurrency,
  pageSize
}

export type OpenInput = Command.Command.Config.Infer<typeof input>

export const open = Command.make("open", input).pipe(
  Command.withDescription("Open a session in the dashboard; exits with 6 when there is no such session."),
  Command.withExamples([
    { command: "hb-sessions open 1c6d", description: "In the browser that the system or BROWSER names" },
    { command: "hb-sessions open 1c6d --print", description: "Only its URL" }
  ])
)
