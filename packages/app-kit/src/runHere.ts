/**
 * Apps within a test's own process, where no test of a process is meant: the same commands, settings, sockets and files
 * as those of `run`, without the time that the start of a process takes.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Sink from "effect/Sink"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import { format } from "node:util"
import type { Env, Exited } from "./Bin.ts"
import { type Main, type Options, program, teardown } from "./run.ts"

/** Runs an app to its end, as `Bin.run` does. Interrupting interrupts it, without an exit code. */
export const runHere =
  <Name extends string, Input, ContextInput>(command: Main<Name, Input, ContextInput>, options: Options) =>
  (args: ReadonlyArray<string>, env: Env = {}, stdin = ""): Effect.Effect<Exited> =>
    Effect.gen(function* () {
      const output = { stdout: "", stderr: "" }
      const print =
        (name: keyof typeof output) =>
        (...parts: ReadonlyArray<unknown>): void => {
          output[name] += `${format(...parts)}\n`
        }
      const write = (name: keyof typeof output) => () =>
        Sink.forEach((part: string | Uint8Array) =>
          Effect.sync(() => {
            output[name] += typeof part === "string" ? part : Buffer.from(part).toString()
          })
        )
      const stdio = Stdio.make({
        args: Effect.succeed(args),
        stdin: Stream.encodeText(Stream.make(stdin)),
        stdout: write("stdout"),
        stderr: write("stderr")
      })
      const [out, err] = [print("stdout"), print("stderr")]
      const exit = yield* program(command, options).pipe(
        Effect.provideService(Stdio.Stdio, stdio),
        Effect.provide(NodeServices.layer),
        Effect.provideService(Console.Console, { ...globalThis.console, log: out, info: out, error: err, warn: err }),
        Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env: { ...env } })),
        // The app itself says one line of it, without the file to look into.
        Effect.tapDefect((defect) => Effect.sync(() => globalThis.console.error(defect))),
        Effect.exit
      )
      let code: number | null = null
      teardown(options)(exit, (given) => {
        code = given
      })
      return { code, signal: null, ...output }
    })
