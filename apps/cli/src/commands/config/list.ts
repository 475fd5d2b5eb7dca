/**
 * `hb-sessions config list`
 */
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { print } from "../../output/print.ts"
import { Screen } from "../../output/Screen.ts"
import { neutralise } from "../../output/text.ts"
import { resolve } from "../../settings/Resolved.ts"

export const list = Command.make(
  "list",
  {},
  Effect.fn("config.list")(
    function* () {
      const { origins, profile } = yield* resolve()
      const screen = yield* Screen
      const lines = screen.isTerminal
        ? [
            `profile ${profile.name} (${profile.source})\n`,
            ...origins.map(({ name, source, value }) => `${name.padEnd(24)}${neutralise(value).padEnd(38)} ${source}\n`)
          ]
        : origins.map((origin) => `${JSON.stringify({ profile: profile.name, ...origin })}\n`)
      yield* print(lines.join(""))
    },
    (effect) => Effect.provide(effect, Screen.layer)
  )
).pipe(
  Command.withDescription("Show every setting, its value, and where it comes from; NDJSON when not in a terminal."),
  Command.withExamples([{ command: "hb-sessions config list --profile work", description: "What the profile says" }])
)
