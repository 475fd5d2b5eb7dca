/**
 * `hb-sessions auth logout`
 */
import { fileVariable, variable } from "@hb-sessions/app-kit/ApiKey"
import * as Command from "effect/cli/Command"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Diagnostics } from "../../output/Diagnostics.ts"
import { forget } from "../../settings/credentials.ts"
import { load } from "../../settings/Profile.ts"

export const logout = Command.make(
  "logout",
  {},
  Effect.fn("auth.logout")(
    function* () {
      const { name } = yield* load()
      const diagnostics = yield* Diagnostics
      const existed = yield* forget(name)
      yield* diagnostics.say(
        existed ? `the key of the profile ${name} was deleted` : `there was no stored key for the profile ${name}`
      )
      for (const given of [variable, fileVariable]) {
        const value = yield* Config.option(Config.Redacted(given)).parse(yield* ConfigProvider.ConfigProvider)
        if (Option.isSome(value)) yield* diagnostics.say(`${given} is still set in the environment`)
      }
    },
    (effect) => Effect.provide(effect, Diagnostics.layer)
  )
).pipe(
  Command.withDescription("Delete the stored key of the profile."),
  Command.withExamples([{ command: "hb-sessions auth logout --profile work", description: "Of another profile" }])
)
