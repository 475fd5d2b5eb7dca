/**
 * The second SIGINT or SIGTERM, which ends a program at once.
 */
import { constants } from "node:os"

/**
 * `timeout`, `npx` and others send the same signal to the program and to its whole group: what comes as soon as this
 * after the first one is the same request to stop.
 */
const SAME_MILLIS = 100

/**
 * Ends the process at the second signal, with 130 or 143; the first is left to the runtime, which stops the program in
 * good order.
 */
export const endAtSecondSignal = (): void => {
  let firstAt: number | undefined
  const onSignal = (signal: "SIGINT" | "SIGTERM") => {
    const now = performance.now()
    firstAt ??= now
    if (now - firstAt > SAME_MILLIS) process.exit(128 + constants.signals[signal])
  }
  process.on("SIGINT", onSignal)
  process.on("SIGTERM", onSignal)
}
