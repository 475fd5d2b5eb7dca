/**
 * Prints where the settings are.
 */
import * as Effect from "effect/Effect"
import { print } from "../../output.ts"
import { files } from "../../settings/Profile.ts"

export const path = Effect.fn("config.path")(function* () {
  yield* print(`${(yield* files).config}\n`)
})
