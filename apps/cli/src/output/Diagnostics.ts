/**
 * Diagnostics on stderr; stdout is for data alone.
 */
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as globalFlags from "../settings/globalFlags.ts"

/** Fields of a line for programs, beside its text. */
export type Fields = Readonly<Record<string, unknown>>

const CLEAR_LINE = "\r\u001B[K"

/** Lines for people, or for programs with `--log-format json`. */
export class Diagnostics extends Context.Service<
  Diagnostics,
  {
    /** A result or a hint; not with `--quiet`. */
    readonly say: (line: string, fields?: Fields) => Effect.Effect<void>
    /** Requests, retries and reports; only with `--verbose`. */
    readonly detail: (line: string, fields?: Fields) => Effect.Effect<void>
    /** A warning, printed even with `--quiet`. */
    readonly warn: (line: string, fields?: Fields) => Effect.Effect<void>
    /** A line that the next one replaces; only where `isLive`. An empty one removes it. */
    readonly transient: (line: string) => Effect.Effect<void>
    /** Whether stderr is a terminal that can replace a line, and people want to see it. */
    readonly isLive: boolean
  }
>()("@hb-sessions/cli/Diagnostics") {
  static readonly layer = Layer.effect(
    Diagnostics,
    Effect.gen(function* () {
      const stdio = yield* Stdio.Stdio
      const isQuiet = yield* globalFlags.quiet
      const isVerbose = yield* globalFlags.verbose
      const flag = yield* globalFlags.logFormat
      const isJson = (Option.isSome(flag) ? flag.value : yield* configuredFormat) === "json"
      const isDumb = (yield* Config.String("TERM").pipe(Config.withDefault(""))) === "dumb"
      const isLive = !isQuiet && !isJson && !isDumb && (yield* stdio.stderrIsTerminal)
      let transient = ""

      // A terminal that has gone is no reason to fail.
      const write = (text: string) => Effect.ignore(Stream.run(Stream.succeed(text), stdio.stderr()))

      const print = Effect.fnUntraced(function* (level: string, line: string, fields: Fields = {}) {
        if (isJson) {
          const time = new Date(yield* Clock.currentTimeMillis).toISOString()
          return yield* write(`${JSON.stringify({ time, level, message: line, ...fields })}\n`)
        }
        yield* write(transient === "" ? `${line}\n` : `${CLEAR_LINE}${line}\n${transient}`)
      })

      return Diagnostics.of({
        say: (line, fields) => (isQuiet ? Effect.void : print("info", line, fields)),
        detail: (line, fields) => (isVerbose ? print("debug", line, fields) : Effect.void),
        warn: (line, fields) => print("warn", line, fields),
        transient: (line) =>
          Effect.suspend(() => {
            if (!isLive || line === transient) return Effect.void
            transient = line
            return write(`${CLEAR_LINE}${line}`)
          }),
        isLive
      })
    })
  )
}

const configuredFormat = Config.Literals(globalFlags.logFormats, "HB_SESSIONS_LOG_FORMAT").pipe(
  Config.withDefault("text")
)
