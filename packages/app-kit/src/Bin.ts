/**
 * Built apps as child processes, the way a person or a scheduler starts them.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type ChildProcess, spawn } from "node:child_process"
import { fileURLToPath } from "node:url"

/** What a process left behind. `code` is null when a signal ended it. */
export interface Exited {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A process that has printed its first line. */
export interface Started {
  readonly firstLine: string
  readonly process: ChildProcess
  /** Sends a signal and waits for the end. */
  readonly stop: (signal: NodeJS.Signals) => Effect.Effect<Exited>
}

/** The environment that an app is given; nothing of the own environment but what Node needs. */
export type Env = Readonly<Record<string, string>>

/** What Node needs. It keeps what it has compiled, as the same programs are started again and again. */
export const nodeEnv: Env = {
  PATH: process.env["PATH"] ?? "",
  NODE_COMPILE_CACHE: fileURLToPath(new URL("../node_modules/.cache/compiled", import.meta.url))
}

/** The user and the group that an app runs as; only root may name others than its own. */
export interface User {
  readonly uid: number
  readonly gid: number
}

const launch = (file: string, args: ReadonlyArray<string>, env: Env, user?: User) => {
  const child = spawn(process.execPath, [file, ...args], {
    ...user,
    env: { ...nodeEnv, ...env },
    stdio: ["ignore", "pipe", "pipe"]
  })
  const output = { stdout: "", stderr: "" }
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output.stdout += text))
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output.stderr += text))
  const exited = new Promise<Exited>((done) => {
    child.on("close", (code, signal) => done({ code, signal, ...output }))
  })
  return { child, output, exited }
}

const killed = ({ child, exited }: ReturnType<typeof launch>) =>
  Effect.promise(() => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL")
    return exited
  })

/** Runs an app to its end. Interrupting kills it. */
export const run = (file: string, args: ReadonlyArray<string>, env: Env = {}, user?: User): Effect.Effect<Exited> =>
  Effect.acquireUseRelease(
    Effect.sync(() => launch(file, args, env, user)),
    ({ exited }) => Effect.promise(() => exited),
    killed
  )

/** Starts an app and waits for its first line on stdout; the end of the scope kills what still runs. */
export const start = (
  file: string,
  args: ReadonlyArray<string>,
  env: Env = {},
  user?: User
): Effect.Effect<Started, Exited, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => launch(file, args, env, user)),
    killed
  ).pipe(
    Effect.flatMap((launched) => {
      const { child, exited, output } = launched
      const stop = (signal: NodeJS.Signals) =>
        Effect.promise(() => {
          child.kill(signal)
          return exited
        })
      return Effect.callback<Started, Exited>((resume) => {
        const look = () => {
          const end = output.stdout.indexOf("\n")
          if (end < 0) return
          child.stdout.off("data", look)
          resume(Effect.succeed({ firstLine: output.stdout.slice(0, end), process: child, stop }))
        }
        child.stdout.on("data", look)
        void exited.then((result) => resume(Effect.fail(result)))
      })
    })
  )
