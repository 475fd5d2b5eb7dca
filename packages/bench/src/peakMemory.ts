/**
 * The highest resident set of a process.
 *
 * What `resourceUsage` tells counts that of the process which started this one too, as it was at that moment.
 */
import { existsSync, readFileSync } from "node:fs"

/** Where Linux tells it. */
export const STATUS_FILE = "/proc/self/status"

/** The line of `STATUS_FILE`, in kilobytes; to be put into a program, so without a backslash. */
export const PEAK_LINE = "VmHWM:[ \t]*([0-9]+)"

/** In megabytes. */
export const peakMemory = (): number => {
  const status = existsSync(STATUS_FILE) ? readFileSync(STATUS_FILE, "latin1") : ""
  return Number(new RegExp(PEAK_LINE).exec(status)?.[1] ?? process.resourceUsage().maxRSS) / 1024
}
