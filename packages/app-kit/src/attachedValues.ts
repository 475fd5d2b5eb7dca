/**
 * Short flags with their values attached, as in `-n5` and `-ao file`: the parser of `effect/cli` reads `-n5` as `-n -5`.
 */
import type * as Command from "effect/cli/Command"
import type { CommandDescriptor, FlagDescriptor } from "effect/cli/Completions"
import * as Effect from "effect/Effect"

const CLUSTER = /^-[A-Za-z]./

/** The arguments with each attached value as an argument of its own; those that no short flag explains stay as they are. */
export const splitAttached = (args: ReadonlyArray<string>, root: CommandDescriptor): ReadonlyArray<string> => {
  const end = args.indexOf("--")
  const own = end < 0 ? args : args.slice(0, end)
  const { flags } = commandOf(own, root)
  return [...own.flatMap((arg) => split(arg, flags)), ...(end < 0 ? [] : args.slice(end))]
}

/** As `splitAttached`; the description of the commands is only loaded when an argument needs it. */
export const withoutAttached = (
  args: ReadonlyArray<string>,
  command: Command.Command.Any
): Effect.Effect<ReadonlyArray<string>> =>
  args.some((arg) => CLUSTER.test(arg))
    ? Effect.map(
        Effect.promise(() => import("effect/cli/Completions")),
        (Completions) => splitAttached(args, Completions.fromCommand(command))
      )
    : Effect.succeed(args)

/** The innermost command that the arguments name. */
const commandOf = (args: ReadonlyArray<string>, root: CommandDescriptor): CommandDescriptor => {
  let command = root
  for (const arg of args) command = command.subcommands.find(({ name }) => name === arg) ?? command
  return command
}

const split = (arg: string, flags: ReadonlyArray<FlagDescriptor>): ReadonlyArray<string> => {
  if (!CLUSTER.test(arg)) return [arg]
  for (let at = 1; at < arg.length; at++) {
    const letter = arg[at] ?? ""
    const flag = flags.find(({ aliases }) => aliases.includes(letter))
    const value = arg.slice(at + 1)
    if (flag === undefined || value === "" || value.startsWith("=")) return [arg]
    if (flag.type._tag === "Boolean") continue
    return [...(at === 1 ? [] : [arg.slice(0, at)]), `-${letter}`, value]
  }
  return [arg]
}
