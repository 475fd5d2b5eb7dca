/**
 * `hb-sessions config path`
 */
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { print } from "../../output/print.ts"
import { files } from "../../settings/Profile.ts"

export const path = Command.make(
  "path",
  {},
  Effect.fn("config.path")(function* () {
    yield* print(`${(yield* files).config}\n`)
  })
).pipe(
  Command.withDescription("Print the path of the settings file, whether it exists or not."),
  Command.withExamples([{ command: '$EDITOR "$(hb-sessions config path)"', description: "Edit it" }])
)
