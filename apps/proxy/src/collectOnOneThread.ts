/**
 * How V8 collects new objects.
 *
 * Hardly anything of what an answer takes outlives it, so a collection has a few kilobytes to move. For that V8 wakes
 * threads on other cores, which costs more than all they do, some 200 times a second under load: a twentieth of the CPU
 * time, more where the cores are busy.
 */
import { setFlagsFromString } from "node:v8"

/** Lets new objects be collected by the main thread, unless an option of Node says how they are. */
export const collectOnOneThread = (): void => {
  const options = [...process.execArgv, process.env["NODE_OPTIONS"]].join(" ")
  if (!/--(?:no[-_]?)?parallel[-_]scavenge/.test(options)) setFlagsFromString("--no-parallel-scavenge")
}
