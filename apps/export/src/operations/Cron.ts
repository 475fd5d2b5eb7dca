/**
 * The times of a schedule, as cron understands them.
 */
import { AppError } from "@hb-sessions/app-kit/AppError"
import * as Cron from "effect/Cron"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { exitCodes } from "../exitCodes.ts"

/** The names that cron has for common expressions. */
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
 * In the night in which clocks go back, an expression with `*` for its hours (hourly, every 15 minutes) goes on through
 * the repeated hour; one with a certain hour comes once. Fails with a usage error, also for times that never come.
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
    catch: () => new AppError({ message: `${JSON.stringify(expression)} never comes`, exitCode: exitCodes.usage })
  })
  return cron
})
