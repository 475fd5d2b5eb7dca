/**
 * The temporary files of this process, which no signal leaves behind that a process can answer.
 */
import { rmSync } from "node:fs"
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

const paths = new Set<string>()

let handlers: ReadonlyArray<readonly [NodeJS.Signals | "exit", () => void]> = []

/** Removes the file when the process ends before `forget` is called. */
export const remember = (path: string): void => {
  if (paths.size === 0) listen()
  paths.add(path)
}

/** Leaves the file to its current owner. */
export const forget = (path: string): void => {
  paths.delete(path)
  if (paths.size > 0) return
  for (const [event, handler] of handlers) process.off(event, handler)
  handlers = []
}

const removeAll = (): void => {
  for (const path of paths) rmSync(path, { force: true })
  paths.clear()
}

const listen = (): void => {
  const signals = DEADLY.filter((signal) => constants.signals[signal] !== undefined)
  handlers = [
    ["exit", removeAll] as const,
    ...signals.map((signal) => {
      const handler = () => {
        // Somebody else answers it, and the process goes on.
        if (process.listenerCount(signal) > 1) return
        removeAll()
        process.off(signal, handler)
        process.kill(process.pid, signal)
      }
      return [signal, handler] as const
    })
  ]
  for (const [event, handler] of handlers) process.on(event, handler)
}
