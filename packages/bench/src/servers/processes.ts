/**
 * Servers as processes of their own: started, measured, and killed.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { closeSync, existsSync, openSync, readFileSync } from "node:fs"
import { devNull } from "node:os"
import { createInterface } from "node:readline"

/** A server that listens. */
export interface Running {
  readonly url: string
  readonly pid: number
}

/** A child that is ended by a signal when the block that uses it is left. */
export const disposable = (child: ChildProcess, signal: NodeJS.Signals): AsyncDisposable => ({
  [Symbol.asyncDispose]: async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill(signal)
    await once(child, "exit")
  }
})

/** Starts a Node program that prints `{"url": …}` as its first line. */
export const startNode = async (
  file: string,
  options: {
    readonly args?: ReadonlyArray<string>
    readonly env?: Readonly<Record<string, string>>
    readonly input?: string
    /** File for stderr; by default it is not kept. */
    readonly log?: string
  } = {}
): Promise<Running & AsyncDisposable> => {
  const log = openSync(options.log ?? devNull, "a")
  const child = spawn(process.execPath, [file, ...(options.args ?? [])], {
    env: { PATH: process.env["PATH"] ?? "", ...options.env },
    stdio: ["pipe", "pipe", log]
  })
  closeSync(log)
  const { stdin, stdout } = child
  if (stdin === null || stdout === null) throw new Error(`${file} has no pipes`)
  stdin.end(options.input ?? "")
  const line = await Promise.race([
    once(createInterface(stdout), "line").then(([text]) => String(text)),
    once(child, "exit").then(([code]) => Promise.reject(new Error(`${file} exited with ${String(code)}`)))
  ])
  const { url } = JSON.parse(line) as { readonly url: string }
  return { url, pid: child.pid ?? 0, ...disposable(child, "SIGKILL") }
}

/** The path of a program, or undefined when it is not installed. */
export const programPath = (name: string): string | undefined =>
  [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin"]
    .map((folder) => `${folder}/${name}`)
    .find((file) => existsSync(file))

/** Seconds that a process and its children have been on a processor; undefined where that is not told. */
export const cpuSeconds = (pid: number): number | undefined => {
  if (!existsSync(`/proc/${pid}/stat`)) return undefined
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean)
  const ticks = [pid, ...children].map((id) => {
    // The name of the program, in parentheses, may hold spaces.
    const fields = readFileSync(`/proc/${id}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ")
    return Number(fields[11]) + Number(fields[12])
  })
  return ticks.reduce((sum, value) => sum + value, 0) / ticksPerSecond()
}

let known: number | undefined
const ticksPerSecond = (): number => (known ??= Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" })))
