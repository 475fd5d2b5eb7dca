/**
 * `hb-sessions count`: its flags and its help.
 */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { filterFlags, readFlags } from "../reading/flags.ts"

const flags = {
  ...filterFlags,
  ...readFlags,
  format: Flag.Literals("format", ["table", "json", "number"]).pipe(
    Flag.withAlias("f"),
    Flag.withDescription("Output format; number is only the total (default: table in a terminal, json elsewhere)"),
    Flag.optional
  )
}

export type CountInput = Command.Command.Config.Infer<typeof flags>

export const count = Command.make("count", flags).pipe(
  Command.withDescription(
    "Count sessions by status. Takes one request per status if the server sends totals; filters by time, team or credits read the list."
  ),
  Command.withShortDescription("Count sessions by status."),
  Command.withExamples([
    { command: "hb-sessions count", description: "All of them, by status" },
    { command: "hb-sessions count --status active --format number", description: "How many are running" }
  ])
)
