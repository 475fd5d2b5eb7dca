/**
 * `hb-sessions-export fleet status`
 */
import { flagsOf } from "@hb-sessions/app-kit/Setting"
import { configOf } from "@hb-sessions/core/SessionsConfig"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { exitCodes, fail } from "../../exitCodes.ts"
import * as AccountState from "../../fleet/AccountState.ts"
import * as FleetStatus from "../../fleet/FleetStatus.ts"
import { someOf } from "../../fleet/someOf.ts"
import { runSettings } from "../../settings/runSettings.ts"
import { chosen, namesOfFile, print, sharedSettings, withQueue } from "./options.ts"

const { staleAfter } = runSettings

const staleAfterSetting = {
  ...staleAfter,
  shown: "that of each account",
  meaning: "Time without a success after which an account is stale"
}

const format = Flag.Literals("format", ["table", "json"]).pipe(
  Flag.withDescription("table, for people, or json (default: table)"),
  Flag.withDefault("table" as const)
)

/** How far the clock of the database may be from that of this machine, in milliseconds. */
const CLOCK_TOLERANCE = 60_000

const warnOfClock = Effect.fnUntraced(function* (time: string) {
  const ahead = Date.parse(time) - (yield* Clock.currentTimeMillis)
  if (Math.abs(ahead) <= CLOCK_TOLERANCE) return
  yield* Effect.logWarning(
    `the clock of the database is ${Math.round(Math.abs(ahead) / 1000)} s ${ahead > 0 ? "ahead of" : "behind"} that of this machine; schedules and ages go by the clock of the database`
  )
})

export const fleetStatus = Command.make(
  "status",
  { ...flagsOf({ ...sharedSettings, staleAfter: staleAfterSetting }), format },
  ({ format: form, ...given }) =>
    Effect.gen(function* () {
      yield* AccountState.check()
      const set = yield* configOf(staleAfter)
      const isFlag = Option.isSome(given.staleAfter)
      const inFile = yield* namesOfFile
      const all = yield* FleetStatus.read({
        inFile,
        staleAfter: isFlag ? set : undefined,
        staleAfterDefault: set
      })
      const { names } = yield* chosen(all.accounts.map(({ account }) => account))
      const wanted = new Set(names)
      const status = { ...all, accounts: all.accounts.filter(({ account }) => wanted.has(account)) }
      yield* warnOfClock(status.time)
      yield* print(form === "json" ? [JSON.stringify(status, undefined, 2)] : FleetStatus.toTable(status))
      const found = FleetStatus.problems(status)
      if (found.length === 0) return
      const named = someOf(found.map(({ account }) => account))
      return yield* fail(
        exitCodes.unexpected,
        `${found.length} of ${status.accounts.length} accounts ${found.length === 1 ? "is" : "are"} stale or failed: ${named}; look at their last errors and at the logs of the workers`
      )
    }).pipe(withQueue(given, true))
).pipe(
  Command.withDescription(
    "Print how each account of a fleet is: its last success, its next run, its last error and where it runs; and the workers. Exits with code 1 if any is stale or has failed. Writes nothing."
  ),
  Command.withExamples([
    {
      command: "hb-sessions-export fleet status --database postgres://exports@db/fleet --stale-after 2d",
      description: "Look at all accounts; fail if one has had no success for two days"
    }
  ])
)
