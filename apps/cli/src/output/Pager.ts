/**
 * Text that is longer than the screen goes through a pager, as `git` and `gh` do it.
 */
import { AppError, exitCodes } from "@hb-sessions/app-kit/AppError"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as ChildProcess from "effect/process/ChildProcess"
import * as PlatformError from "effect/PlatformError"
import * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import { printAll } from "./print.ts"
import { Screen } from "./Screen.ts"

/** Options of `less` unless the user sets `LESS`: quit if the text fits, keep colours, do not clear the screen. */
const LESS = "FRX"

/** A shell command line; none where nothing is chosen and `less` is not there. */
const command = Effect.gen(function* () {
  const own = yield* Config.option(Config.String("HB_SESSIONS_PAGER"))
  const common = yield* Config.option(Config.String("PAGER"))
  return Option.getOrElse(
    Option.orElse(own, () => common),
    () => "if command -v less >/dev/null; then exec less; else exec cat; fi"
  )
})

/** Exit codes of a shell. */
const NOT_EXECUTABLE = 126
const NOT_FOUND = 127

/** Prints text in a terminal; succeeds with whether all was taken. The pager starts when the first screen is full. */
export const show = <E, R>(text: Stream.Stream<string, E, R>) =>
  Effect.gen(function* () {
    const screen = yield* Screen
    const pager = yield* command
    if (!screen.canAnimate || pager === "cat") return yield* printAll(text)
    const height = yield* screen.height
    const pull = yield* Stream.toPull(text)
    const next = pull.pipe(
      Effect.map((texts) => texts.join("")),
      Pull.catchDone(() => Effect.undefined)
    )
    let first = ""
    while (first.split("\n").length <= height) {
      const more = yield* Effect.onError(next, () => Effect.ignore(printAll(Stream.succeed(first))))
      if (more === undefined) return yield* printAll(Stream.succeed(first))
      first += more
    }
    return yield* page(pager, Stream.concat(Stream.succeed(first), Stream.fromPull(Effect.succeed(pull))))
  }).pipe(Effect.scoped)

/** Writes to the pager, and waits for its user to leave it, even when the text ends in an interruption. */
const page = <E, R>(pager: string, text: Stream.Stream<string, E, R>) =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const less = yield* Config.option(Config.String("LESS"))
      const process = yield* ChildProcess.make(pager, [], {
        shell: true,
        stdin: "pipe",
        stdout: "inherit",
        stderr: "inherit",
        env: Option.isSome(less) ? {} : { LESS },
        extendEnv: true
      })
      const written = yield* restore(Stream.run(Stream.encodeText(text), process.stdin)).pipe(
        Effect.as(true),
        // Its user has left it.
        Effect.catchIf(
          (error) => error instanceof PlatformError.PlatformError,
          () => Effect.succeed(false)
        ),
        Effect.exit
      )
      const code = yield* process.exitCode
      if (code === NOT_EXECUTABLE || code === NOT_FOUND) {
        return yield* new AppError({
          message: `the pager ${JSON.stringify(pager)} cannot be started; set PAGER to another, or to cat for none`,
          exitCode: exitCodes.unexpected
        })
      }
      return yield* written
    })
  )
