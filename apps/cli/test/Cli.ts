/**
 * The program within this process, and as it is installed, in a process of its own; with nothing of this process's
 * environment.
 */
import type { Exited, User } from "@hb-sessions/app-kit/Bin"
import { runHere } from "@hb-sessions/app-kit/runHere"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { Effect } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync } from "node:fs"
import { createServer, type RequestListener } from "node:http"
import { once } from "node:events"
import type { AddressInfo } from "node:net"
import { delimiter, dirname, join } from "node:path"
import { inject } from "vitest"
import { hbSessions } from "../src/commands/hb-sessions.ts"
import { options as mainOptions, withoutVainHelp } from "../src/main.ts"

const { bin, directory } = inject("installed")

export { bin }

export const KEY = "hb_canary_cli_77"

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  /** What it reads from stdin; nothing by default. */
  readonly stdin?: string
  /** Runs it as another user. */
  readonly user?: User
  /** Sends SIGINT after this time. */
  readonly interruptAfterMillis?: number
  /** Is called once, when stdout has so many lines. */
  readonly afterLines?: readonly [number, (child: ChildProcess) => void]
  /** Are called once each, in order, when stdout has the text; the rest of stdin is theirs to write. */
  readonly answers?: ReadonlyArray<readonly [string, (child: ChildProcess) => void]>
}

/** A directory that the end of the tests removes. */
export const scratch = (): string => mkdtempSync(join(directory, "scratch-"))

export const baseEnv = (env: RunOptions["env"] = {}) => ({
  PATH: [dirname(process.execPath), "/usr/bin", "/bin"].join(delimiter),
  NODE_COMPILE_CACHE: join(directory, "compile-cache"),
  HB_SESSIONS_RETRIES: "0",
  ...env
})

/** Runs a program to its end; interrupting kills it. */
export const spawned = (program: string, args: ReadonlyArray<string>, options: RunOptions = {}) =>
  Effect.callback<Exited>((resume) => {
    const child = spawn(program, args, { ...options.user, env: baseEnv(options.env), stdio: ["pipe", "pipe", "pipe"] })
    const output = { stdout: "", stderr: "" }
    const [lineCount, act] = options.afterLines ?? [Infinity, () => {}]
    let hasActed = false
    const answers = [...(options.answers ?? [])]
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output.stdout += text
      while (answers[0] !== undefined && output.stdout.includes(answers[0][0])) answers.shift()?.[1](child)
      if (hasActed || output.stdout.split("\n").length <= lineCount) return
      hasActed = true
      act(child)
    })
    child.stderr.setEncoding("utf8").on("data", (text: string) => (output.stderr += text))
    child.stdin.on("error", () => {})
    if (options.answers === undefined) child.stdin.end(options.stdin ?? "")
    const { interruptAfterMillis } = options
    if (interruptAfterMillis !== undefined) setTimeout(() => child.kill("SIGINT"), interruptAfterMillis)
    child.on("close", (code, signal) => resume(Effect.succeed({ code, signal, ...output })))
    return Effect.sync(() => child.kill("SIGKILL"))
  })

/** Runs the installed `hb-sessions`, for what concerns a process: signals, pipes, terminals, users, or the package. */
export const runInstalled = (args: ReadonlyArray<string>, options?: RunOptions) => spawned(bin, args, options)

/** Runs the commands of `hb-sessions` within this process. */
export const run = (args: ReadonlyArray<string>, { env, stdin }: Pick<RunOptions, "env" | "stdin"> = {}) =>
  here(withoutVainHelp(args), baseEnv(env), stdin)

const here = runHere(hbSessions, { version: "0.0.0", ...mainOptions })

/** The variables that lead to the simulator of the test. */
const toSimulator = Effect.map(Simulator, ({ apiKey, url }) => ({
  HYPERBROWSER_API_KEY: apiKey,
  HYPERBROWSER_BASE_URL: url
}))

/** As `run`, with the simulator of the test. */
export const runAt = (args: ReadonlyArray<string>, options: Parameters<typeof run>[1] = {}) =>
  Effect.flatMap(toSimulator, (env) => run(args, { ...options, env: { ...env, ...options.env } }))

/** As `runInstalled`, with the simulator of the test. */
export const runInstalledAt = (args: ReadonlyArray<string>, options: RunOptions = {}) =>
  Effect.flatMap(toSimulator, (env) => runInstalled(args, { ...options, env: { ...env, ...options.env } }))

/** Runs an effect while the program runs. */
export const inBackground = (effect: Effect.Effect<unknown>) => (): void => {
  Effect.runFork(effect)
}

/** Lines without the last line break. */
export const lines = (text: string): ReadonlyArray<string> => text.split("\n").slice(0, -1)

export const rows = (ndjson: string): ReadonlyArray<any> => lines(ndjson).map((line) => JSON.parse(line))

/** A server on a free port, for the answers that the simulator does not give. */
export const withServer = <A, E, R>(
  listener: RequestListener,
  use: (env: Record<string, string>) => Effect.Effect<A, E, R>
) =>
  Effect.acquireUseRelease(
    Effect.promise(async () => {
      const server = createServer(listener).listen(0, "127.0.0.1")
      await once(server, "listening")
      return server
    }),
    (server) => {
      const { port } = server.address() as AddressInfo
      return use({ HYPERBROWSER_API_KEY: KEY, HYPERBROWSER_BASE_URL: `http://127.0.0.1:${port}` })
    },
    (server) =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      })
  )

/** Serves one page of the given sessions. */
export const servesPage =
  (sessions: ReadonlyArray<object>): RequestListener =>
  (_, response) =>
    response
      .writeHead(200, { "content-type": "application/json" })
      .end(JSON.stringify({ sessions, totalCount: sessions.length, page: 1, pageSize: 10 }))
