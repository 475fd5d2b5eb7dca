/**
 * The alternate screen of a terminal, for a picture that is drawn again and again.
 *
 * What was on the screen before is there again, and so is the cursor, however the program ends, short of SIGKILL, and
 * while it is stopped (Ctrl-Z).
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stdio from "effect/Stdio"
import type { AppError } from "@hb-sessions/app-kit/AppError"
import { writeSync } from "node:fs"
import { print } from "./print.ts"

/** A screen that can be drawn on. */
export interface AlternateScreen {
  /** Draws over the picture before; false when the terminal is gone. */
  readonly draw: (lines: ReadonlyArray<string>) => Effect.Effect<boolean, AppError, Stdio.Stdio>
}

const ESC = "\u001B["

/** Enters the screen, without a cursor. */
const enter = `${ESC}?1049h${ESC}?25l${ESC}2J`

/** Leaves it; the terminal is as it was before. */
const leave = `${ESC}?25h${ESC}?1049l`

/** Line by line and at once, so that nothing flickers. */
const pictureOf = (lines: ReadonlyArray<string>): string =>
  `${ESC}?2026h${ESC}H${lines.map((line) => `${line}${ESC}K`).join("\r\n")}${ESC}J${ESC}?2026l`

const STDOUT = 1

/** At once: a handler of a signal has no later. */
const write = (text: string): void => {
  try {
    writeSync(STDOUT, text)
  } catch {
    // The terminal is gone, or takes nothing now.
  }
}

/** Enters the screen; the end of the scope leaves it. */
export const open: Effect.Effect<AlternateScreen, AppError, Scope.Scope | Stdio.Stdio> = Effect.gen(function* () {
  let picture = ""
  const leaveFor = (signal: "SIGTSTP" | "SIGQUIT", handler: () => void) => {
    write(leave)
    process.off(signal, handler)
    process.kill(process.pid, signal)
  }
  const onStop = () => {
    leaveFor("SIGTSTP", onStop)
    // The program stood still here, until it was continued.
    process.on("SIGTSTP", onStop)
    write(enter + picture)
  }
  const onQuit = () => leaveFor("SIGQUIT", onQuit)
  const onExit = () => write(leave)
  yield* Effect.acquireRelease(
    Effect.suspend(() => {
      process.on("SIGTSTP", onStop).on("SIGQUIT", onQuit).on("exit", onExit)
      return print(enter)
    }),
    () =>
      Effect.suspend(() => {
        process.off("SIGTSTP", onStop).off("SIGQUIT", onQuit).off("exit", onExit)
        return Effect.ignore(print(leave))
      })
  )
  return {
    draw: (lines) =>
      Effect.suspend(() => {
        picture = pictureOf(lines)
        return print(picture)
      })
  }
})
