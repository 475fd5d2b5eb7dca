/**
 * `hb-sessions-export fleet enqueue` and `fleet retry`
 */
import { flagsOf } from "@hb-sessions/app-kit/Setting"
import { shownPath } from "@hb-sessions/app-kit/SystemError"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { exitCodes, fail } from "../../exitCodes.ts"
import * as AccountState from "../../fleet/AccountState.ts"
import * as Control from "../../fleet/Control.ts"
import { chosen, namesOfFile, print, sharedSettings, withQueue } from "./options.ts"

/** Asks for runs, and prints what became of it. An account that was named and can get none is a mistake. */
const ask = Effect.fnUntraced(function* (
  names: ReadonlyArray<string>,
  reason: "enqueued" | "retry",
  areNamed: boolean
) {
  const requested = yield* Control.enqueue(names, reason)
  yield* print(requested.map(({ account, result }) => `${shownPath(account)}: ${result}`))
  if (!areNamed) return
  const namesOf = (wanted: Control.Requested) =>
    requested.filter(({ result }) => result === wanted).map(({ account }) => account)
  const [paused, unlisted] = [namesOf("paused"), namesOf("unlisted")]
  const problems = [
    ...(paused.length === 0
      ? []
      : [`paused: ${paused.join(", ")}; run fleet resume first, which lets their schedules go on too`]),
    ...(unlisted.length === 0
      ? []
      : [`unlisted: ${unlisted.join(", ")}; add them to the accounts file of the workers first`])
  ]
  if (problems.length > 0) return yield* fail(exitCodes.usage, problems.join("; "))
})

export const fleetEnqueue = Command.make("enqueue", flagsOf(sharedSettings), (given) =>
  Effect.gen(function* () {
    yield* AccountState.check()
    const inFile = yield* namesOfFile
    const known = yield* Control.known()
    const { areNamed, names } = yield* chosen(inFile ?? known.map(({ account }) => account))
    yield* ask(names, "enqueued", areNamed)
  }).pipe(withQueue(given))
).pipe(
  Command.withDescription(
    "Have accounts exported now, whatever their schedules say. An account that waits or runs already gets no second run."
  ),
  Command.withExamples([
    {
      command: "hb-sessions-export fleet enqueue --only team-a,team-b --database postgres://exports@db/fleet",
      description: "Export two accounts now"
    }
  ])
)

export const fleetRetry = Command.make("retry", flagsOf(sharedSettings), (given) =>
  Effect.gen(function* () {
    yield* AccountState.check()
    const known = yield* Control.known()
    const inFile = yield* namesOfFile
    const { areNamed, names } = yield* chosen(inFile ?? known.map(({ account }) => account))
    const failed = new Set(known.filter((one) => one.failed).map(({ account }) => account))
    const wanted = names.filter((name) => failed.has(name))
    if (areNamed) {
      yield* print(
        names.filter((name) => !failed.has(name)).map((name) => `${shownPath(name)}: has not failed, not retried`)
      )
    } else if (wanted.length === 0) {
      yield* print(["no account has failed"])
    }
    yield* ask(wanted, "retry", areNamed)
  }).pipe(withQueue(given))
).pipe(
  Command.withDescription(
    "Have accounts exported again that failed and are not retried by themselves: those whose exit code says that it takes a person, and those whose retries are used up."
  ),
  Command.withExamples([
    {
      command: "hb-sessions-export fleet retry --database postgres://exports@db/fleet",
      description: "Retry all accounts that have failed, once the reason is dealt with"
    }
  ])
)
