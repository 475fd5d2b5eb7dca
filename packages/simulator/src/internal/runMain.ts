/**
 * Runs the command as the main program of a process.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as TerminalCapabilities from "effect/cli/TerminalCapabilities"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Runtime from "effect/Runtime"

const USAGE_ERROR = 2

/** Help and version go to stdout; a usage error is one line on stderr, not the whole help. */
const presenter = CliOutput.layerPresenter({
  present: (event) =>
    event._tag === "InvalidInvocation"
      ? Effect.forEach(event.errors, (error) => Console.error(usageLine(event.commandPath[0] ?? "", error)), {
          discard: true
        })
      : CliOutput.defaultPresenter.present(event)
})

const usageLine = (name: string, error: CliError.CliError): string => {
  switch (error._tag) {
    case "ValidationError":
      return `${name}: ${error.message}`
    case "UnrecognizedOption": {
      const [suggestion = "--help"] = error.suggestions
      return `${name}: there is no flag ${error.option}; try ${suggestion}`
    }
    default:
      return `${name}: ${error.message.replace(/\s+/g, " ").trim()}; try --help`
  }
}

const services = Layer.mergeAll(presenter, TerminalCapabilities.layer).pipe(Layer.provideMerge(NodeServices.layer))

/**
 * Parses the arguments of the process and runs the command.
 *
 * **Details**
 *
 * The process exits with 2 after a usage error, with the code of any other error, and with 0 once SIGINT or SIGTERM
 * has stopped it, as a server is meant to be stopped.
 */
export const runMain = <Name extends string, Input, ContextInput, E extends Error>(
  command: Command.Command<Name, Input, ContextInput, E, Command.Environment>,
  options: { readonly version: string }
): void =>
  command.pipe(
    Command.run(options),
    Effect.tapError((error) =>
      CliError.isCliError(error) ? Effect.void : Console.error(`${command.name}: ${error.message}`)
    ),
    Effect.provide(services),
    NodeRuntime.runMain({ teardown })
  )

const teardown: Runtime.Teardown = (exit, onExit) => {
  if (Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)) return onExit(0)
  const isUsageError = Exit.isFailure(exit) && CliError.isCliError(Cause.squash(exit.cause))
  Runtime.defaultTeardown(exit, (code) => onExit(isUsageError && code !== 0 ? USAGE_ERROR : code))
}
