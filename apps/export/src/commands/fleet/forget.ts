/**
 * `hb-sessions-export fleet forget`
 */
import { flagsOf } from "@hb-sessions/app-kit/Setting"
import { shownPath } from "@hb-sessions/app-kit/SystemError"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { exitCodes, fail } from "../../exitCodes.ts"
import * as AccountState from "../../fleet/AccountState.ts"
import * as Control from "../../fleet/Control.ts"
import { chosen, namesOfFile, print, sharedSettings, withQueue } from "./options.ts"

export const fleetForget = Command.make("forget", flagsOf(sharedSettings), (given) =>
  Effect.gen(function* () {
    yield* AccountState.check()
    const known = (yield* Control.known()).map(({ account }) => account)
    const { areNamed, names } = yield* chosen(known)
    if (!areNamed) {
      return yield* fail(
        exitCodes.usage,
        "--only is missing; give the accounts to forget, which fleet status shows as unlisted"
      )
    }
    const inFile = new Set(yield* namesOfFile)
    const forgotten = yield* Control.forget(names.filter((name) => !inFile.has(name)))
    const results = new Map(forgotten.map(({ account, result }) => [account, result]))
    yield* print(names.map((name) => `${shownPath(name)}: ${results.get(name) ?? "still listed"}`))
    const kept = names.filter((name) => results.get(name) !== "removed")
    if (kept.length === 0) return
    return yield* fail(
      exitCodes.usage,
      `not removed: ${kept.join(", ")}; take them out of every accounts file, and wait until fleet status shows them as unlisted and not running`
    )
  }).pipe(withQueue(given))
).pipe(
  Command.withDescription(
    "Remove what the database knows of accounts that no worker's accounts file lists any more: their state, their last success and error, and a run that waits. What they have published stays."
  ),
  Command.withExamples([
    {
      command: "hb-sessions-export fleet forget --only team-a --database postgres://exports@db/fleet",
      description: "Forget an account that was taken out of the accounts file for good"
    }
  ])
)
