/**
 * `hb-sessions-export schedule`
 */
import { AppError, type Failure, toAppError } from "@hb-sessions/app-kit/AppError"
import { flagsOf } from "@hb-sessions/app-kit/Setting"
import * as Command from "effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Semaphore from "effect/Semaphore"
import { outcomeOf } from "../operations/AccountOutcome.ts"
import * as Cron from "../operations/Cron.ts"
import * as Notify from "../operations/Notify.ts"
import * as Scheduler from "../operations/Scheduler.ts"
import { type Selected, type SelectedAccount, selected, within } from "../settings/accounts.ts"
import { withClient, withLog, withSettings } from "../settings/environment.ts"
import { scheduleConfig } from "../settings/configs.ts"
import { accountSettings, parallelSettings, runSettings, scheduleSettings } from "../settings/runSettings.ts"
import { readSettings } from "../settings/readSettings.ts"
import { checkMetricsFile, exportAccount, exportOnce, summaryOf } from "./run.ts"

/** The schedule of the settings. */
const readSchedule = Effect.gen(function* () {
  const { cron, timeZone, ...options } = yield* scheduleConfig
  return { ...options, cron: yield* Cron.parse(cron, timeZone) }
})

/** Exports one account on schedule; bad settings fail now, rather than at night. */
const scheduleOne = Effect.gen(function* () {
  const schedule = yield* readSchedule
  yield* readSettings
  yield* checkMetricsFile
  const notifier = yield* Notify.make({})
  const job = exportOnce(notifier).pipe(
    Effect.flatMap((published) => Console.log(summaryOf(published))),
    Effect.catch(logFailure)
  )
  return yield* Effect.raceFirst(Scheduler.run(schedule, job), notifier.watchStaleness)
})

/**
 * Exports each account on its own schedule, some at a time.
 *
 * Each run reads the settings and the key of its account anew, so that what is wrong with them is a failure of that run.
 */
const scheduleAccounts = Effect.fnUntraced(function* ({ accounts, given, parallel }: Selected) {
  const places = yield* Semaphore.make(parallel)
  const schedules = yield* Effect.forEach(accounts, (one) =>
    Effect.mapError(readSchedule.pipe(withSettings(one.given), within(one.account)), (error) => {
      const { exitCode, message } = toAppError(error)
      return new AppError({ message: `account ${one.account.name}: ${message}`, exitCode })
    })
  )
  const scheduleAccount = (one: SelectedAccount, index: number) => {
    const schedule = schedules[index]
    if (schedule === undefined) return Effect.never
    const job = outcomeOf(one.account.name, Effect.as(exportAccount(one), { outcome: "published" }))
    const watch = Effect.flatMap(Notify.make({ account: one.account.name }), ({ watchStaleness }) => watchStaleness)
    return Effect.raceFirst(
      within(one.account)(Scheduler.run(schedule, places.withPermits(1)(Effect.asVoid(job)))),
      watch.pipe(withSettings(one.given), within(one.account))
    )
  }
  return yield* Effect.forEach(accounts, scheduleAccount, { concurrency: "unbounded", discard: true }).pipe(
    withLog(given)
  )
})

export const scheduleExport = Command.make(
  "schedule",
  flagsOf({ ...runSettings, ...accountSettings, ...parallelSettings, ...scheduleSettings }),
  (given) =>
    Effect.flatMap(
      selected(given).pipe(Notify.watchSettings(given)),
      Option.match({
        onSome: (found) => Effect.asVoid(scheduleAccounts(found)),
        onNone: () => Effect.asVoid(scheduleOne).pipe(withClient(given), Notify.watchStart(given))
      })
    )
).pipe(
  Command.withDescription(
    "Keep running and export at the times of --cron. A failed run is logged, and the next one runs on schedule. SIGTERM saves a checkpoint and exits with code 143."
  ),
  Command.withExamples([
    {
      command: "hb-sessions-export schedule --cron '0 2 * * *' --tz Europe/Paris --out /var/lib/exports",
      description: "Export every night at two"
    }
  ])
)

const logFailure = (error: Failure) => {
  const { exitCode, message } = toAppError(error)
  return Effect.logError(`the run failed with exit code ${exitCode}: ${message}`)
}
