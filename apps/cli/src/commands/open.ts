/**
 * `hb-sessions open`
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import { lazily } from "../lazily.ts"
import { concurrency, pageSize } from "../readFlags.ts"

const input = { id: Argument.String("id").pipe(Argument.withDescription("Id of a session")), concurrency, pageSize }

export type OpenInput = Command.Command.Config.Infer<typeof input>

export const open = Command.make(
  "open",
  input,
  lazily(async () => (await import("../actions/open.ts")).open)
).pipe(
  Command.withDescription("Print the URL of a session in the dashboard; exits with 6 when there is no such session."),
  Command.withExamples([
    { command: 'xdg-open "$(hb-sessions open 1c6d…)"', description: "Open it in the browser (open on macOS)" }
  ])
)
