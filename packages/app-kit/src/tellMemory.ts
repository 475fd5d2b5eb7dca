/**
 * For tests: what became of the new objects of a program.
 */

const script = `const { getHeapSpaceStatistics } = process.getBuiltinModule("node:v8")
const spaceOf = (name) => getHeapSpaceStatistics().find((space) => space.space_name === name)
const usedByOld = () => spaceOf("old_space").space_used_size
let before = usedByOld()
let aged = 0
const { PerformanceObserver } = process.getBuiltinModule("node:perf_hooks")
new PerformanceObserver(() => {
  const now = usedByOld()
  aged += Math.max(0, now - before)
  before = now
}).observe({ entryTypes: ["gc"] })
process.on("exit", () => process.stderr.write("room=" + spaceOf("new_space").space_size + " aged=" + aged))`

/** An option of Node with which a program tells it at its end. NODE_OPTIONS would take quotes and spaces for its own. */
export const TELL_MEMORY = `--import=data:text/javascript,${encodeURIComponent(script)}`

/** What a program told, in megabytes. */
export interface ToldMemory {
  /** The room for new objects. */
  readonly room: number
  /** New objects that were moved to the old ones, where garbage stays until the whole heap is collected. */
  readonly aged: number
}

/** Finds what was told at the end of what a program wrote to stderr. */
export const toldMemory = (stderr: string): ToldMemory => {
  const [, room, aged] = /room=(\d+) aged=(\d+)$/.exec(stderr) ?? []
  return { room: Number(room) / 1024 ** 2, aged: Number(aged) / 1024 ** 2 }
}
