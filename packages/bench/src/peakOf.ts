/**
 * The highest resident set of a process.
 *
 * What `resourceUsage` tells counts that of the process which started this one too, as it was at that moment.
 */
import { existsSync, readFileSync } from "node:fs"

/** Where Linux tells it. */
export const STATUS = "/proc/self/status"

/** The line of `STATUS`, in kilobytes; to be put into a program, so without a backslash. */
export const PEAK = "VmHWM:[ \t]*([0-9]+)"

/** In megabytes. */
export const peakOfThis = (): number => {
  const status = existsSync(STATUS) ? readFileSync(STATUS, "latin1") : ""
  return Number(new RegExp(PEAK).exec(status)?.[1] ?? process.resourceUsage().maxRSS) / 1024
}
