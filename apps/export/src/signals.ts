/**
 * SIGTERM and SIGINT: the exit code of a stopped process.
 */
import { exitCodes } from "./exitCodes.ts"

/** 143 after SIGTERM, 130 after SIGINT. */
let stoppedBy: number = exitCodes.stopped

/** The exit code of an interrupted job. */
export const stopCode = (): number => stoppedBy

/** Gives each signal its exit code: the runtime, which interrupts the program on both, has one code for both. */
export const listen = (): void => {
  process.once("SIGINT", () => {
    stoppedBy = exitCodes.interrupted
  })
  process.once("exit", (code) => {
    if (code === exitCodes.stopped) process.exitCode = stoppedBy
  })
}
