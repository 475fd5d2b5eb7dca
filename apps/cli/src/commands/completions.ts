/**
 * `hb-sessions completions`
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import { lazily } from "../lazily.ts"

const input = {
  shell: Argument.Literals("shell", ["bash", "zsh", "fish", "powershell"]).pipe(
    Argument.withDescription("The shell that reads the script")
  )
}

export type CompletionsInput = Command.Command.Config.Infer<typeof input>

export const completions = Command.make(
  "completions",
  input,
  lazily(async () => (await import("../actions/completions.ts")).completions)
).pipe(
  Command.withDescription("Print the completion script of a shell."),
  Command.withExamples([
    { command: 'eval "$(hb-sessions completions bash)"', description: "In ~/.bashrc" },
    { command: "hb-sessions completions fish | source", description: "In ~/.config/fish/config.fish" }
  ])
)
