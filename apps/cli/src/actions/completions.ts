/**
 * Prints the completion script of a shell.
 */
import * as Completions from "effect/cli/Completions"
import type * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import type { CompletionsInput } from "../commands/completions.ts"
import { print } from "../output.ts"

export const completions = Effect.fn("completions")(function* ({ shell }: CompletionsInput) {
  const command = yield* Effect.promise(root)
  yield* print(`${Completions.generate(command.name, shell, Completions.fromCommand(command))}\n`)
})

/** The tree holds this command, so its type cannot be inferred here. */
const root = async (): Promise<Command.Command.Any> => (await import("../commands/hb-sessions.ts")).hbSessions
