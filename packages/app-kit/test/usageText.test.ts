import { assert, it } from "@effect/vitest"
import { usageText } from "../src/usageText.ts"

it.each([
  [
    'Invalid value for flag --port: "config". Expected: SchemaError(Expected an integer\n  at ["APP_PORT"])',
    "Invalid value for APP_PORT. Expected: an integer"
  ],
  [
    'Invalid value for flag --for: "xx". Expected: Schema validation failed: Expected a duration',
    'Invalid value for flag --for: "xx". Expected: a duration'
  ],
  ['Unknown flag "--x".\n  Did you mean --y?', 'Unknown flag "--x". Did you mean --y?']
])("%j is said as %j", (message, text) => {
  assert.strictEqual(usageText(message), text)
})
