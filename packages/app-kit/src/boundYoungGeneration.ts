/**
 * How much room V8 gives to new objects.
 *
 * Nearly all that a read of a long list makes is short-lived. As more is made, V8 doubles the room for it, up to 128 MB:
 * 100 MB more at the peak of the process, which is no faster for it. Node takes a limit only when it starts, so a program
 * cannot give it to itself; V8 can be told at any time to double that room no more.
 */
import { PerformanceObserver } from "node:perf_hooks"
import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8"

/** Bytes of both halves of the room. */
const ENOUGH = 32 * 1024 ** 2

/** Lets it grow to 32 MB, or as far as `--max-semi-space-size` says where that is given. */
export const boundYoungGeneration = (): void => {
  const options = [...process.execArgv, process.env["NODE_OPTIONS"]].join(" ")
  if (/--(?:max|min)[-_]semi[-_]space[-_]size/.test(options)) return
  const observer = new PerformanceObserver(() => {
    const room = getHeapSpaceStatistics().find((space) => space.space_name === "new_space")
    if (room !== undefined && room.space_size < ENOUGH) return
    observer.disconnect()
    if (room !== undefined) setFlagsFromString("--semi-space-growth-factor=1")
  })
  observer.observe({ entryTypes: ["gc"] })
}
