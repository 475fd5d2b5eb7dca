/**
 * The packed simulator as a process.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { nodeFirst } from "./setup.ts"

export const apiKey = "simulator-key"

export interface RunningSimulator extends AsyncDisposable {
  readonly url: string
}

/** Starts the program that npm linked; the list changes with every request. */
export const startSimulator = async (project: string, sessions: number): Promise<RunningSimulator> => {
  const bin = join(project, "node_modules", ".bin", "hb-sessions-simulator")
  const child = spawn(bin, ["--port", "0", "--sessions", String(sessions)], {
    env: nodeFirst,
    stdio: ["ignore", "pipe", "inherit"]
  })
  const { url } = JSON.parse(await firstLine(child))
  return {
    url,
    [Symbol.asyncDispose]: () => stop(child)
  }
}

/** Ends a process and waits for it. */
export const stop = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill("SIGTERM")
  await once(child, "exit")
}

export const firstLine = async (child: ChildProcess): Promise<string> => {
  if (child.stdout === null) throw new Error("stdout is not a pipe")
  for await (const line of createInterface({ input: child.stdout })) {
    // What comes later is read and thrown away: a full pipe would stop the process.
    child.stdout.resume()
    return line
  }
  throw new Error(`${child.spawnfile} ended without a line on stdout`)
}
