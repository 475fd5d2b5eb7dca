/**
 * The last line of a command that failed, in the format of the log.
 */
import type { Report } from "@hb-sessions/app-kit/run"
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"

/** The log format from the settings; undefined until they are read, as after a usage error. */
let chosen: "text" | "json" | undefined

/** Remembers the log format, wherever it was set. */
export const rememberFormat = (format: "text" | "json"): void => {
  chosen = format
}

/** Reads the raw arguments, since a usage error comes before they are parsed. */
const given = Effect.gen(function* () {
  const args = (yield* (yield* Stdio.Stdio).args).join(" ")
  const inEnvironment = Config.String("HB_SESSIONS_EXPORT_LOG_FORMAT").pipe(Config.withDefault("text"), Effect.orDie)
  return /--log-format[ =](\w+)/.exec(args)?.[1] ?? (yield* inEnvironment)
})

/** Prints a failure to stderr: as a line of text, or as a JSON object like those of the log. */
export const reportFailure: Report = Effect.fnUntraced(function* (message: string) {
  if ((chosen ?? (yield* given)) === "json") {
    const timestamp = new Date(yield* Clock.currentTimeMillis).toISOString()
    return yield* Console.error(JSON.stringify({ message, level: "ERROR", timestamp }))
  }
  yield* Console.error(`hb-sessions-export: ${message}`)
})
