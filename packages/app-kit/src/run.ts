/**
 * Runs a command as the main program of a process.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as TerminalCapabilities from "effect/cli/TerminalCapabilities"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Runtime from "effect/Runtime"
import * as Stdio from "effect/Stdio"
import { withoutAttached } from "./attachedValues.ts"
import { oneLine, usageText } from "./usageText.ts"
import { type AppError, exitCodes, type Failure, toAppError } from "./AppError.ts"
import { endAtSecondSignal } from "./secondSignal.ts"
import { firstCode } from "./SystemError.ts"

/** Prints what went wrong, in one line. */
export type Report = (line: string) => Effect.Effect<void, never, Stdio.Stdio>

/** Help and version go to stdout; a usage error is one line on stderr, not the whole help. */
const presenter = (report: Report) =>
  Layer.effect(
    CliOutput.Presenter,
    Effect.map(Stdio.Stdio, (stdio) => ({
      present: (event) => {
        if (event._tag !== "InvalidInvocation") return CliOutput.defaultPresenter.present(event)
        const lines = event.errors.map(usageText)
        const hint = `Run "${event.commandPath.join(" ")} --help" for usage.`
        return Effect.forEach(lines, (line) => report(`${line.replace(/(?<![.?])$/, ".")} ${hint}`), {
          discard: true
        }).pipe(Effect.provideService(Stdio.Stdio, stdio))
      }
    }))
  )

/** As `effect/cli` has it, but `FORCE_COLOR=0` turns colours off in a terminal too, as in Node. */
const capabilities = Layer.effect(
  TerminalCapabilities.TerminalCapabilities,
  Effect.gen(function* () {
    const detected = yield* TerminalCapabilities.TerminalCapabilities
    const force = yield* Effect.orDie(Config.String("FORCE_COLOR").pipe(Config.withDefault("")))
    return { ...detected, canColor: detected.canColor && !["0", "false"].includes(force.toLowerCase()) }
  })
).pipe(Layer.provide(TerminalCapabilities.layer))

/** The standard streams, and the arguments in the form that the parser reads. */
const arguments_ = (command: Command.Command.Any) =>
  Layer.effect(
    Stdio.Stdio,
    Effect.map(Stdio.Stdio, (stdio) => ({
      ...stdio,
      args: Effect.flatMap(stdio.args, (args) => withoutAttached(args, command))
    }))
  )

const services = (command: Command.Command.Any, report: Report, layer: Layer.Layer<never>) =>
  Layer.mergeAll(presenter(report), capabilities, layer).pipe(Layer.provideMerge(arguments_(command)))

/** What an app says of itself. */
export interface Options {
  readonly version: string
  /** Exit code after SIGINT or SIGTERM: 130 by default; 0 for a server, whose normal end this is. */
  readonly interruptedCode?: number
  /** Prints a failure or a usage error, given without the name of the command; one line on stderr by default. */
  readonly report?: Report
  /** What the command line's own machinery is told, such as its built-in flags. */
  readonly layer?: Layer.Layer<never>
}

/** A command that an app can be. */
export type Main<Name extends string, Input, ContextInput> = Command.Command<
  Name,
  Input,
  ContextInput,
  Failure,
  Command.Environment
>

/** All that an app does, from its arguments to the line that says what went wrong. */
export const program = <Name extends string, Input, ContextInput>(
  command: Main<Name, Input, ContextInput>,
  options: Options
): Effect.Effect<void, AppError | CliError.CliError, NodeServices.NodeServices> => {
  const report = options.report ?? plainly(command.name)
  return command.pipe(
    Command.run(options),
    Effect.mapError((error) => (CliError.isCliError(error) ? error : toAppError(error))),
    Effect.tapCause((cause) => {
      const line = errorLine(cause)
      return line === undefined ? Effect.void : report(line)
    }),
    Effect.provide(services(command, report, options.layer ?? Layer.empty))
  )
}

/**
 * Parses the arguments of the process, runs the command, and exits.
 *
 * **Details**
 *
 * A failure is printed as one line on stderr and sets the exit code; usage errors exit with 2; SIGINT and SIGTERM
 * interrupt the command and run its finalizers, and a second one ends the process at once. A defect prints its message,
 * never a stack trace. What stderr cannot take is lost, and ends nothing.
 */
export const run = <Name extends string, Input, ContextInput>(
  command: Main<Name, Input, ContextInput>,
  options: Options
): void => {
  const outdated = outdatedNode(process.versions.node)
  if (outdated !== undefined) {
    process.stderr.write(`${command.name}: ${outdated}\n`)
    process.exit(exitCodes.usage)
  }
  // There is no other place to report that stderr is closed, or that the disk is full.
  process.stderr.on("error", () => {})
  endAtSecondSignal()
  program(command, options).pipe(
    Effect.provide(NodeServices.layer),
    NodeRuntime.runMain({ disableErrorReporting: true, teardown: teardown(options) })
  )
}

/** What a version of Node is too old for; undefined when it is not. */
export const outdatedNode = (version: string): string | undefined => {
  const [major = 0, minor = 0] = version.split(".").map(Number)
  return major > LEAST_NODE[0] || (major === LEAST_NODE[0] && minor >= LEAST_NODE[1])
    ? undefined
    : `needs Node ${LEAST_NODE.join(".")} or newer, and this is ${version}; install a newer one`
}

/** That of `engines` in the packages. */
const LEAST_NODE = [22, 19] as const

const plainly =
  (name: string): Report =>
  (line) =>
    Console.error(`${name}: ${line}`)

const errorLine = (cause: Cause.Cause<AppError | CliError.CliError>): string | undefined => {
  if (Cause.hasInterruptsOnly(cause)) return undefined
  const error = Cause.squash(cause)
  // Usage errors have been presented already.
  if (CliError.isCliError(error)) return undefined
  if (Cause.hasDies(cause)) {
    const surroundings = surroundingsProblem(error)
    if (surroundings !== undefined) return surroundings
    const message = error instanceof Error ? error.message : String(error)
    return `unexpected error: ${oneLine(message)}; please report it`
  }
  return oneLine(error instanceof Error ? error.message : String(error))
}

/** What is wrong where the program runs, of an error that any part of it may meet; undefined for any other. */
const surroundingsProblem = (error: unknown): string | undefined => {
  if (Predicate.hasProperty(error, "syscall") && error.syscall === "uv_cwd") {
    return "the current directory does not exist any more; change to another one"
  }
  const code = firstCode(error)
  return code === "EMFILE" || code === "ENFILE"
    ? `too many files are open (${code}); raise the limit, as with ulimit -n 1024`
    : undefined
}

/** Gives the exit code of an end. */
export const teardown =
  ({ interruptedCode = 130 }: Options): Runtime.Teardown =>
  (exit, onExit) => {
    if (Exit.isFailure(exit)) {
      if (Cause.hasInterruptsOnly(exit.cause)) return onExit(interruptedCode)
      const error = Cause.squash(exit.cause)
      if (CliError.isCliError(error)) return onExit(Runtime.getErrorExitCode(error) === 0 ? 0 : exitCodes.usage)
    }
    return Runtime.defaultTeardown(exit, onExit)
  }
