/**
 * `hb-sessions config get`
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { print } from "../../output/print.ts"
import { resolve } from "../../settings/Resolved.ts"
import { settingOf } from "./settingOf.ts"

export const get = Command.make(
  "get",
  { key: Argument.String("key").pipe(Argument.withDescription("Name of a setting, such as base_url")) },
  Effect.fn("config.get")(function* ({ key }) {
    const { name } = yield* settingOf(key)
    const { origins } = yield* resolve()
    yield* print(`${origins.find((origin) => origin.name === name)?.value ?? ""}\n`)
  })
).pipe(
  Command.withDescription("Print the value of one setting."),
  Command.withExamples([{ command: "hb-sessions config get base_url", description: "Where the API is served" }])
)
