/**
 * The alternate screen of a terminal, for a picture that is drawn again and again.
 *
 * What was on the screen before is there again, and so is the cursor, however the program ends, short of SIGKILL, and
 * while it is stopped (Ctrl-Z).
 */
import type { AppError } from "@hb-sessions/app-kit/AppError"
import { atSuddenEnd } from "@hb-sessions/app-kit/suddenEnd"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stdio from "effect/Stdio"
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
  const onStop = () => {
    write(leave)
    process.off("SIGTSTP", onStop)
    process.kill(process.pid, "SIGTSTP")
    // The program stood still until here, where it is continued.
    process.on("SIGTSTP", onStop)
    write(enter + picture)
  }
  let takeBack = () => {}
  yield* Effect.acquireRelease(
    Effect.suspend(() => {
      takeBack = atSuddenEnd(() => write(leave))
      process.on("SIGTSTP", onStop)
      return print(enter)
    }),
    () =>
      Effect.suspend(() => {
        takeBack()
        process.off("SIGTSTP", onStop)
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
