/**
 * For tests: how much room a program has given to new objects.
 */

const script = `process.on("exit", () => {
  const spaces = process.getBuiltinModule("node:v8").getHeapSpaceStatistics()
  process.stderr.write("room=" + spaces.find((space) => space.space_name === "new_space").space_size)
})`

/** An option of Node with which a program tells it at its end. NODE_OPTIONS would take quotes and spaces for its own. */
export const TELL_ROOM = `--import=data:text/javascript,${encodeURIComponent(script)}`

/** What it told, in megabytes. */
export const roomIn = (stderr: string): number => Number(/room=(\d+)$/.exec(stderr)?.[1]) / 1024 ** 2
