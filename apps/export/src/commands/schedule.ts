/**
 * `hb-sessions-export schedule`
 */
import { AppError, type Failure, toAppError } from "@hb-sessions/app-kit/AppError"
import * as Command from "effect/cli/Command"
import * as Cron from "effect/Cron"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { exitCodes } from "../exitCodes.ts"
import * as Scheduler from "../Scheduler.ts"
import { withClient } from "./environment.ts"
import { flags, scheduleConfig, scheduleFlags } from "./flags.ts"
import { readSettings } from "./readSettings.ts"
import { checkMetricsFile, exportOnce } from "./run.ts"

export const scheduleExport = Command.make("schedule", { ...flags, ...scheduleFlags }, (input) =>
  Effect.gen(function* () {
    const { cron: expression, timeZone, ...options } = yield* scheduleConfig
    const cron = yield* Effect.fromResult(
      Result.mapError(
        Cron.parse(expression, timeZone),
        ({ message }) =>
          new AppError({
            message: `${JSON.stringify(expression)} is not a cron expression (${message}); give five fields, such as '0 2 * * *'`,
            exitCode: exitCodes.usage
          })
      )
    )
    yield* Effect.try({
      try: () => Cron.next(cron),
      catch: () => new AppError({ message: `${JSON.stringify(expression)} never comes`, exitCode: exitCodes.usage })
    })
    // What is wrong with the settings is wrong at night too.
    yield* readSettings
    yield* checkMetricsFile
    const job = exportOnce.pipe(Effect.catch(logFailure))
    return yield* Scheduler.run({ cron, ...options }, job)
  }).pipe(withClient(input))
).pipe(
  Command.withDescription(
    "Stay up and export at the times of --cron. A run that fails is logged, and the next one comes in its time. SIGTERM leaves a checkpoint and ends with exit code 143."
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
