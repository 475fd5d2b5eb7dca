/**
 * The last line of a command that failed.
 */
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"

/**
 * Prints a failure to stderr, as text or as `--log-format` and `HB_SESSIONS_LOG_FORMAT` ask for.
 *
 * The arguments are read as they came, since a usage error comes before they are understood.
 */
export const reportFailure = Effect.fnUntraced(function* (message: string) {
  const stdio = yield* Stdio.Stdio
  const args = (yield* stdio.args).join(" ")
  const configured = yield* Config.String("HB_SESSIONS_LOG_FORMAT").pipe(Config.withDefault("text"), Effect.orDie)
  const format = /--log-format[ =](\w+)/.exec(args)?.[1] ?? configured
  yield* Console.error(format === "json" ? JSON.stringify({ level: "error", message }) : `hb-sessions: ${message}`)
})
