/**
 * `hb-sessions-export schedule`
 */
import { type Failure, toAppError } from "@hb-sessions/app-kit/AppError"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Cron from "../operations/Cron.ts"
import * as Notify from "../operations/Notify.ts"
import * as Scheduler from "../operations/Scheduler.ts"
import { withClient } from "../settings/environment.ts"
import { scheduleConfig } from "../settings/configs.ts"
import { flags, scheduleFlags } from "../settings/flags.ts"
import { readSettings } from "../settings/readSettings.ts"
import { checkMetricsFile, exportOnce } from "./run.ts"

export const scheduleExport = Command.make("schedule", { ...flags, ...scheduleFlags }, (input) =>
  Effect.gen(function* () {
    const { cron: expression, timeZone, ...options } = yield* scheduleConfig
    const cron = yield* Cron.parse(expression, timeZone)
    // Bad settings fail now, rather than at night.
    yield* readSettings
    yield* checkMetricsFile
    const notifier = yield* Notify.make({})
    const job = exportOnce(notifier).pipe(Effect.catch(logFailure))
    return yield* Effect.raceFirst(Scheduler.run({ cron, ...options }, job), notifier.watchStaleness)
  }).pipe(withClient(input), Notify.watchStart(input))
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
