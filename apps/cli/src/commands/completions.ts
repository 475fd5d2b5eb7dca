/**
 * `hb-sessions completions`
 */
import { knownStatuses } from "@hb-sessions/core/Session"
import { columns, knownExtras } from "@hb-sessions/core/SessionsColumns"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import type * as Completions from "effect/cli/Completions"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Effect from "effect/Effect"
import { print } from "../output/print.ts"
import { globalFlags } from "../settings/globalFlags.ts"
import * as Profile from "../settings/Profile.ts"
import { byKey } from "../settings/settings.ts"

/** The command, which completes the tree that it is part of. */
export const completionsOf = (root: () => Command.Command.Any) =>
  Command.make(
    "completions",
    {
      shell: Argument.Literals("shell", ["bash", "zsh", "fish", "powershell"]).pipe(
        Argument.withDescription("The shell that reads the script")
      )
    },
    Effect.fn("completions")(function* ({ shell }) {
      const { fromCommand, generate } = yield* Effect.promise(() => import("effect/cli/Completions"))
      const command = root()
      const known = {
        status: knownStatuses,
        columns: [...columns, ...knownExtras],
        sort: [...columns, ...knownExtras],
        key: [...byKey.keys()],
        tz: ["local", "UTC"],
        // The script does not ask again: a profile that is created later is completed by the script of a later run.
        profile: yield* Profile.profileNames.pipe(Effect.orElseSucceed(() => []))
      }
      const script = generate(command.name, shell, withValues(fromCommand(command), known, fromCommand(common).flags))
      // Its comment on how to install it names a flag that this program does not have.
      yield* print(`${script.replaceAll(`${command.name} --completions`, `${command.name} completions`)}\n`)
    })
  ).pipe(
    Command.withDescription("Print the completion script of a shell."),
    Command.withExamples([
      { command: 'eval "$(hb-sessions completions bash)"', description: "In ~/.bashrc" },
      { command: "hb-sessions completions fish | source", description: "In ~/.config/fish/config.fish" }
    ])
  )

/** A command with the flags that every command takes. */
const common = Command.make(
  "any",
  Object.fromEntries([...globalFlags, GlobalFlag.Help].map((each, index) => [`flag${index}`, each.flag]))
)

/** The commands with the common flags, and with the values that are known by the name of a flag or argument. */
const withValues = (
  command: Completions.CommandDescriptor,
  values: Readonly<Partial<Record<string, ReadonlyArray<string>>>>,
  shared: Completions.CommandDescriptor["flags"]
): Completions.CommandDescriptor => {
  const typed = <A extends { readonly name: string; readonly type: Completions.FlagType }>(each: A): A => {
    const choices = values[each.name]
    return choices === undefined || choices.length === 0 ? each : { ...each, type: { _tag: "Choice", values: choices } }
  }
  return {
    ...command,
    flags: [...command.flags, ...shared].map(typed),
    arguments: command.arguments.map(typed),
    subcommands: command.subcommands.map((each) => withValues(each, values, shared))
  }
}
