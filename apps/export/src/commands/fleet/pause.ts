/**
 * `hb-sessions-export fleet pause` and `fleet resume`
 */
import { flagsOf } from "@hb-sessions/app-kit/Setting"
import { shownPath } from "@hb-sessions/app-kit/SystemError"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as AccountState from "../../fleet/AccountState.ts"
import * as Control from "../../fleet/Control.ts"
import { chosen, namesOfFile, print, sharedSettings, withQueue } from "./options.ts"

/** The accounts that workers know, of those that are asked for. */
const knownOf = Effect.gen(function* () {
  yield* AccountState.check()
  const known = (yield* Control.known()).map(({ account }) => account)
  const inFile = yield* namesOfFile
  const names = inFile === undefined ? known : known.filter((name) => inFile.includes(name))
  return (yield* chosen(names)).names
})

export const fleetPause = Command.make("pause", flagsOf(sharedSettings), (given) =>
  Effect.gen(function* () {
    const names = yield* knownOf
    const changed = yield* Control.pause(names)
    yield* print(names.map((name) => `${shownPath(name)}: ${changed.has(name) ? "paused" : "paused already"}`))
  }).pipe(withQueue(given))
).pipe(
  Command.withDescription(
    "Pause accounts: they get no run until they are resumed. A run that waits is removed, and one that is running goes on."
  ),
  Command.withExamples([
    {
      command: "hb-sessions-export fleet pause --only team-a --database postgres://exports@db/fleet",
      description: "Pause one account; without --only, all of them"
    }
  ])
)

export const fleetResume = Command.make("resume", flagsOf(sharedSettings), (given) =>
  Effect.gen(function* () {
    const names = yield* knownOf
    const changed = yield* Control.resume(names)
    yield* print(names.map((name) => `${shownPath(name)}: ${changed.has(name) ? "resumed" : "was not paused"}`))
  }).pipe(withQueue(given))
).pipe(
  Command.withDescription(
    "Resume paused accounts. A run that was missed meanwhile is made up for or skipped, as --on-missed of the workers says."
  ),
  Command.withExamples([
    {
      command: "hb-sessions-export fleet resume --only team-a --database postgres://exports@db/fleet",
      description: "Resume one account; without --only, all of them"
    }
  ])
)
