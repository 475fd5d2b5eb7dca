/**
 * `hb-sessions doctor`: its flags and its help.
 */
import * as Command from "effect/cli/Command"

export const doctor = Command.make("doctor", {}).pipe(
  Command.withDescription(
    "Check what the commands need: settings and where they come from, DNS, TLS, clock, key, and whether a page of the API matches the contract. Exits with the code of the first check that fails."
  ),
  Command.withShortDescription("Check settings, DNS, TLS, clock, key and the API's contract."),
  Command.withExamples([{ command: "hb-sessions doctor --profile work", description: "Of another profile" }])
)
