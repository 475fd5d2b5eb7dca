/**
 * The name of a setting, as it was typed.
 */
import * as Effect from "effect/Effect"
import { isSettingName, settingNames } from "../../settings/settings.ts"
import { didYouMean, usage } from "../../settings/usage.ts"

/** Fails with the name that was probably meant; keys have a command of their own. */
export const settingName = Effect.fnUntraced(function* (given: string) {
  const name = given.replaceAll("-", "_")
  if (isSettingName(name)) return name
  return yield* usage(
    /^api_?key(?:_?file)?$/i.test(name)
      ? 'the API key is no setting, since settings are readable; use "hb-sessions auth login", or HYPERBROWSER_API_KEY_FILE'
      : `there is no setting ${JSON.stringify(given)}${didYouMean(name, settingNames)}`
  )
})
