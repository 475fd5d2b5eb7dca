/**
 * What is done however a process ends, short of SIGKILL: at its exit, and at a signal that ends it at once.
 */
import { constants } from "node:os"

/**
 * Signals that end a process which does not handle them. SIGINT and SIGTERM interrupt the program in good order; SIGPROF
 * is the profiler's, whose handler a listener would replace (`node --cpu-prof`).
 */
const DEADLY = [
  "SIGHUP",
  "SIGQUIT",
  "SIGALRM",
  "SIGVTALRM",
  "SIGUSR2",
  "SIGXCPU",
  "SIGIO",
  "SIGPWR",
  "SIGSTKFLT",
  "SIGTRAP",
  "SIGSYS"
] as const satisfies ReadonlyArray<NodeJS.Signals>

const signals = DEADLY.filter((signal) => constants.signals[signal] !== undefined)

const acts = new Set<() => void>()

/** Adds what is done then, at once; the function that it returns takes it back. */
export const atSuddenEnd = (act: () => void): (() => void) => {
  if (acts.size === 0) listen()
  acts.add(act)
  return () => {
    if (acts.delete(act) && acts.size === 0) stopListening()
  }
}

const doAll = (): void => {
  for (const act of acts) act()
  acts.clear()
}

const onSignal = (signal: NodeJS.Signals): void => {
  // Somebody else answers it, and the process goes on.
  if (process.listenerCount(signal) > 1) return
  doAll()
  process.off(signal, onSignal)
  process.kill(process.pid, signal)
}

// Only while there is something to do: a listener takes the place of what else the signal would do.
const listen = (): void => {
  process.on("exit", doAll)
  for (const signal of signals) process.on(signal, onSignal)
}

const stopListening = (): void => {
  process.off("exit", doAll)
  for (const signal of signals) process.off(signal, onSignal)
}
