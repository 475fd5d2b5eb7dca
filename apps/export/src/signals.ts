/**
 * Which signal asked the process to stop.
 */
import { exitCodes } from "./exitCodes.ts"

/** 143 after SIGTERM, 130 after SIGINT; how an interrupted job ends. */
let stoppedBy: number = exitCodes.stopped

/** The exit code of a job that was told to stop. */
export const stopCode = (): number => stoppedBy

/** Remembers the first signal, and ends the process with its code: the runtime has one code for both. */
export const listen = (): void => {
  process.once("SIGINT", () => {
    stoppedBy = exitCodes.interrupted
  })
  process.once("exit", (code) => {
    if (code === exitCodes.stopped) process.exitCode = stoppedBy
  })
}
