/**
 * Prints the completion script of a shell.
 */
import { knownStatuses } from "@hb-sessions/core/Session"
import { columns, knownExtras } from "@hb-sessions/core/SessionsColumns"
import * as Command from "effect/cli/Command"
import * as Completions from "effect/cli/Completions"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Effect from "effect/Effect"
import type { CompletionsInput } from "../commands/completions.ts"
import { globalFlags } from "../globalFlags.ts"
import { print } from "../output.ts"
import * as Profile from "../settings/Profile.ts"
import { settingNames } from "../settings/settings.ts"

export const completions = Effect.fn("completions")(function* ({ shell }: CompletionsInput) {
  const command = yield* Effect.promise(root)
  const known = {
    status: knownStatuses,
    columns: [...columns, ...knownExtras],
    sort: [...columns, ...knownExtras],
    key: settingNames,
    tz: ["local", "UTC"],
    // The script does not ask again: a profile that is made later is completed by the script of a later run.
    profile: yield* Profile.profileNames.pipe(Effect.orElseSucceed(() => []))
  }
  const described = withValues(Completions.fromCommand(command), known)
  const script = Completions.generate(command.name, shell, described)
  // Its comment on how to install it speaks of a flag that this program does not have.
  yield* print(`${script.replaceAll(`${command.name} --completions`, `${command.name} completions`)}\n`)
})

/** The tree holds this command, so its type cannot be inferred here. */
const root = async (): Promise<Command.Command.Any> => (await import("../commands/hb-sessions.ts")).hbSessions

/** The flags that every command takes, in the same form as its own. */
const common = Completions.fromCommand(
  Command.make(
    "any",
    Object.fromEntries([...globalFlags, GlobalFlag.Help].map((each, index) => [`flag${index}`, each.flag]))
  )
).flags

/** The commands with the flags of all of them, and with the values that are known by the name of a flag or argument. */
const withValues = (
  command: Completions.CommandDescriptor,
  values: Readonly<Partial<Record<string, ReadonlyArray<string>>>>
): Completions.CommandDescriptor => {
  const typed = <A extends { readonly name: string; readonly type: Completions.FlagType }>(each: A): A => {
    const choices = values[each.name]
    return choices === undefined || choices.length === 0 ? each : { ...each, type: { _tag: "Choice", values: choices } }
  }
  return {
    ...command,
    flags: [...command.flags, ...common].map(typed),
    arguments: command.arguments.map(typed),
    subcommands: command.subcommands.map((each) => withValues(each, values))
  }
}
