/**
 * `hb-sessions config set`
 */
import * as SettingsFile from "@hb-sessions/app-kit/SettingsFile"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { Diagnostics } from "../../output/Diagnostics.ts"
import { files, load } from "../../settings/Profile.ts"
import { usage } from "../../settings/usage.ts"
import { withSetting } from "../../settings/withSetting.ts"
import { writePrivate } from "../../settings/writePrivate.ts"
import { settingOf } from "./settingOf.ts"

export const set = Command.make(
  "set",
  {
    key: Argument.String("key").pipe(Argument.withDescription("Name of a setting, such as base_url")),
    value: Argument.String("value").pipe(Argument.withDescription("Its value; empty text removes it"))
  },
  Effect.fn("config.set")(
    function* ({ key, value }) {
      const { name, setting } = yield* settingOf(key)
      if (value !== "") {
        yield* Effect.mapError(SettingsFile.check(setting, value), (problem) => usage(`${name}: ${problem}`))
      }
      const profile = yield* load({ mayBeNew: true })
      const { config, directory } = yield* files
      const fs = yield* FileSystem.FileSystem
      const text = (yield* fs.exists(config)) ? yield* fs.readFileString(config) : ""
      const edited = yield* withSetting(config, text, { profile: profile.name, name, value })
      yield* writePrivate(directory, config, edited, { isSecret: false })
      const diagnostics = yield* Diagnostics
      yield* diagnostics.say(
        value === ""
          ? `${name} was removed from the profile ${profile.name} in ${config}`
          : `${name} was set for the profile ${profile.name} in ${config}`
      )
    },
    (effect) => Effect.provide(effect, Diagnostics.layer)
  )
).pipe(
  Command.withDescription("Write a setting into the profile, which is created if it does not exist."),
  Command.withExamples([
    { command: "hb-sessions config set concurrency 4", description: "For the profile in use" },
    { command: "hb-sessions config set base_url https://eu.example --profile eu", description: "For another profile" }
  ])
)
