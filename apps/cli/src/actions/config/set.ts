/**
 * Writes a setting into the profile.
 */
import * as SettingsFile from "@hb-sessions/app-kit/SettingsFile"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { layerTerminal } from "../../api/Api.ts"
import type { SetInput } from "../../commands/config/set.ts"
import { files, load } from "../../settings/Profile.ts"
import { settings } from "../../settings/settings.ts"
import { writePrivate } from "../../settings/writePrivate.ts"
import { withSetting } from "../../settings/withSetting.ts"
import { Talk } from "../../terminal/Talk.ts"
import { usage } from "../selection.ts"
import { settingName } from "./settingName.ts"

export const set = Effect.fn("config.set")(
  function* ({ key, value }: SetInput) {
    const name = yield* settingName(key)
    if (value !== "") {
      yield* Effect.mapError(SettingsFile.check(settings[name], value), (problem) => usage(`${name}: ${problem}`))
    }
    const profile = yield* load({ mayBeNew: true })
    const { config, directory } = yield* files
    const fs = yield* FileSystem.FileSystem
    const text = (yield* fs.exists(config)) ? yield* fs.readFileString(config) : ""
    const edited = yield* withSetting(config, text, { profile: profile.name, name, value })
    yield* writePrivate(directory, config, edited, { isSecret: false })
    const talk = yield* Talk
    yield* talk.say(
      value === ""
        ? `${name} was removed from the profile ${profile.name} in ${config}`
        : `${name} was set for the profile ${profile.name} in ${config}`
    )
  },
  (effect) => Effect.provide(effect, layerTerminal)
)
