/**
 * The name of a setting, as it was typed.
 */
import * as Effect from "effect/Effect"
import { byKey } from "../../settings/settings.ts"
import { didYouMean, usage } from "../../settings/usage.ts"

/** The key of the setting in a profile, and the setting; fails with the one that was probably meant. */
export const settingOf = Effect.fnUntraced(function* (given: string) {
  const name = given.replaceAll("-", "_")
  const setting = byKey.get(name)
  if (setting !== undefined) return { name, setting }
  return yield* usage(
    // Keys have a command of their own.
    /^api_?key(?:_?file)?$/i.test(name)
      ? 'the API key is no setting, since settings are readable; use "hb-sessions auth login", or HYPERBROWSER_API_KEY_FILE'
      : `there is no setting ${JSON.stringify(given)}${didYouMean(name, [...byKey.keys()])}`
  )
})
