/**
 * Cron expressions.
 */
import { AppError } from "@hb-sessions/app-kit/AppError"
import * as Cron from "effect/Cron"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { exitCodes } from "../exitCodes.ts"

/** The nicknames of common expressions. */
const nicknames: Readonly<Partial<Record<string, string>>> = {
  "@hourly": "0 * * * *",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@weekly": "0 0 * * 0",
  "@monthly": "0 0 1 * *",
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *"
}

/**
 * Parses five or six fields, or a name such as `@daily`.
 *
 * **Details**
 *
 * When clocks go back, an expression with `*` for its hours (hourly, every 15 minutes) also runs in the repeated hour;
 * one with a fixed hour runs once. Fails with a usage error, also for an expression that never matches.
 */
export const parse = Effect.fnUntraced(function* (expression: string, timeZone: string) {
  const fields = nicknames[expression.trim().toLowerCase()] ?? expression
  const hours = fields.trim().split(/\s+/).at(-4) ?? ""
  const onDstOverlap = hours.startsWith("*") ? "both" : "earlier"
  const cron = yield* Effect.fromResult(
    Result.mapError(
      Cron.parse(fields, timeZone, { onDstOverlap }),
      ({ message }) =>
        new AppError({
          message: `${JSON.stringify(expression)} is not a cron expression (${message}); give five fields, such as '0 2 * * *', or @hourly, @daily, @weekly or @monthly`,
          exitCode: exitCodes.usage
        })
    )
  )
  yield* Effect.try({
    try: () => Cron.next(cron),
    catch: () =>
      new AppError({
        message: `the cron expression ${JSON.stringify(expression)} never matches; check the day and the month`,
        exitCode: exitCodes.usage
      })
  })
  return cron
})
