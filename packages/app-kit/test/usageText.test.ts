import { assert, it } from "@effect/vitest"
import { CliError } from "effect/cli"
import { usageText } from "../src/usageText.ts"

it.each([
  [
    'Invalid value for flag --port: "config". Expected: SchemaError(Expected an integer\n  at ["APP_PORT"])',
    "Invalid value for APP_PORT. Expected: an integer"
  ],
  [
    'Invalid value for flag --for: "xx". Expected: Schema validation failed: Expected a duration',
    'Invalid value for flag --for: "xx". Expected: a duration'
  ]
])("%j is said as %j", (message, text) => {
  assert.strictEqual(usageText(new CliError.ValidationError({ message })), text)
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
