import { assert, it } from "@effect/vitest"
import { CliError } from "effect/cli"
import { usageText } from "../src/usageText.ts"

it("any other error is told as it is, in one line", () => {
  assert.strictEqual(
    usageText(new CliError.InvalidValue({ option: "for", value: "x\ny", expected: "a duration", kind: "flag" })),
    'Invalid value for flag --for: "x y". Expected: a duration'
  )
})

it.each([
  ["--frmat", ["--format"], "; did you mean --format?"],
  ["--bad", ["-a"], ""],
  ["-z", ["-a", "-f", "-n"], ""],
  ["-N", ["-n", "-a"], "; did you mean -n?"],
  ["--al", ["--all", "-a"], "; did you mean --all?"]
])("the unknown flag %s, to which %j are close, is told with %j", (option, suggestions, hint) => {
  assert.strictEqual(
    usageText(new CliError.UnrecognizedOption({ option, suggestions, command: ["app", "list"] })),
    `Unrecognized flag: ${option} in command app list${hint}`
  )
})

it("an unknown command is told with those that are close", () => {
  const error = new CliError.UnknownSubcommand({ subcommand: "lst", parent: ["app"], suggestions: ["list", "last"] })
  assert.strictEqual(usageText(error), 'Unknown subcommand "lst" for "app"; did you mean list or last?')
})
