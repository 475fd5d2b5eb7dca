/**
 * Forgets the stored key.
 */
import * as ConfigProvider from "effect/ConfigProvider"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { layerTerminal } from "../../api/Api.ts"
import { forget } from "../../settings/credentials.ts"
import { load } from "../../settings/Profile.ts"
import { API_KEY } from "../../settings/Resolved.ts"
import { Talk } from "../../terminal/Talk.ts"

export const logout = Effect.fn("auth.logout")(
  function* () {
    const { name } = yield* load()
    const talk = yield* Talk
    const existed = yield* forget(name)
    yield* talk.say(
      existed ? `the key of the profile ${name} is forgotten` : `there was no stored key for the profile ${name}`
    )
    const environment = yield* Config.option(Config.Redacted(API_KEY)).parse(yield* ConfigProvider.ConfigProvider)
    if (Option.isSome(environment)) yield* talk.say(`${API_KEY} is still set in the environment`)
  },
  (effect) => Effect.provide(effect, layerTerminal)
)
