/**
 * `hb-sessions auth logout`
 */
import * as Command from "effect/cli/Command"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Diagnostics } from "../../output/Diagnostics.ts"
import { forget } from "../../settings/credentials.ts"
import { load } from "../../settings/Profile.ts"
import { API_KEY } from "../../settings/Resolved.ts"

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
      const environment = yield* Config.option(Config.Redacted(API_KEY)).parse(yield* ConfigProvider.ConfigProvider)
      if (Option.isSome(environment)) yield* diagnostics.say(`${API_KEY} is still set in the environment`)
    },
    (effect) => Effect.provide(effect, Diagnostics.layer)
  )
).pipe(
  Command.withDescription("Delete the stored key of the profile."),
  Command.withExamples([{ command: "hb-sessions auth logout --profile work", description: "Of another profile" }])
)
