/**
 * Shows every setting and where it comes from.
 */
import * as Effect from "effect/Effect"
import { layerTerminal } from "../../api/Api.ts"
import { print } from "../../output.ts"
import { resolve } from "../../settings/Resolved.ts"
import { Screen } from "../../terminal/Screen.ts"
import { neutralise } from "../../terminal/text.ts"

export const list = Effect.fn("config.list")(
  function* () {
    const { origins, profile } = yield* resolve()
    const screen = yield* Screen
    const lines = screen.isTerminal
      ? [
          `profile ${profile.name} (${profile.source})\n`,
          ...origins.map(({ name, source, value }) => `${name.padEnd(24)}${neutralise(value).padEnd(38)} ${source}\n`)
        ]
      : origins.map((origin) => `${JSON.stringify({ profile: profile.name, ...origin })}\n`)
    yield* print(lines.join(""))
  },
  (effect) => Effect.provide(effect, layerTerminal)
)
