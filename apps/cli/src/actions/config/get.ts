/**
 * Prints one setting.
 */
import * as Effect from "effect/Effect"
import type { GetInput } from "../../commands/config/get.ts"
import { print } from "../../output.ts"
import { resolve } from "../../settings/Resolved.ts"
import { settingName } from "./settingName.ts"

export const get = Effect.fn("config.get")(function* ({ key }: GetInput) {
  const name = yield* settingName(key)
  const { origins } = yield* resolve()
  yield* print(`${origins.find((origin) => origin.name === name)?.value ?? ""}\n`)
})
