/**
 * What stdout can show.
 */
import * as TerminalCapabilities from "effect/cli/TerminalCapabilities"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stdio from "effect/Stdio"
import * as Terminal from "effect/Terminal"

/** Columns of a terminal that does not report its width. */
const COMMON_WIDTH = 80

/** Whether stdout is a terminal, and what it takes: `NO_COLOR`, `FORCE_COLOR`, `TERM=dumb` and `COLUMNS` are heeded. */
export class Screen extends Context.Service<
  Screen,
  {
    readonly isTerminal: boolean
    readonly canColor: boolean
    /** Whether the cursor can be moved. */
    readonly canAnimate: boolean
    /** In columns, read anew each time; undefined when nothing bounds a line. */
    readonly width: Effect.Effect<number | undefined>
    /** In lines, read anew each time. */
    readonly height: Effect.Effect<number>
  }
>()("@hb-sessions/cli/Screen") {
  static readonly layer = Layer.effect(
    Screen,
    Effect.gen(function* () {
      const stdio = yield* Stdio.Stdio
      const terminal = yield* Terminal.Terminal
      const isTerminal = yield* stdio.stdoutIsTerminal
      const columns = Number(yield* Config.String("COLUMNS").pipe(Config.withDefault("")))
      const isBound = Number.isInteger(columns) && columns > 0
      const { canAnimate, canColor } = yield* TerminalCapabilities.TerminalCapabilities
      return Screen.of({
        isTerminal,
        canColor,
        canAnimate,
        width: isBound
          ? Effect.succeed(columns)
          : isTerminal
            ? Effect.map(terminal.columns, (width) => (width > 0 ? width : COMMON_WIDTH))
            : Effect.as(Effect.void, undefined),
        height: Effect.map(terminal.rows, (height) => (height > 0 ? height : 24))
      })
    })
  )
}
