/**
 * `hb-sessions list`
 */
import * as AppError from "@hb-sessions/app-kit/AppError"
import * as Transport from "@hb-sessions/app-kit/Transport"
import * as Sessions from "@hb-sessions/core/Sessions"
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import { formatNames, formats } from "../formats/formats.ts"
import { writeStdout } from "../writeStdout.ts"

const DEFAULT_LIMIT = 20

const PositiveInt = Schema.Int.check(
  Schema.isGreaterThanOrEqualTo(1, { message: "must be a whole number of at least 1" })
)

const flags = {
  status: Flag.String("status").pipe(
    Flag.withAlias("s"),
    Flag.withMetavar("status"),
    Flag.withDescription("Only sessions in this status, such as active, closed or error (default: all)"),
    Flag.optional
  ),
  limit: Flag.Int("limit").pipe(
    Flag.withAlias("n"),
    Flag.withSchema(PositiveInt),
    Flag.withDescription(`Stop after this many sessions (default: ${DEFAULT_LIMIT})`),
    Flag.optional
  ),
  all: Flag.Boolean("all").pipe(
    Flag.withAlias("a"),
    Flag.withDescription("Every session, whatever their number (default: off)"),
    Flag.withDefault(false)
  ),
  format: Flag.Literals("format", formatNames).pipe(
    Flag.withAlias("f"),
    Flag.withDescription("How to print them (default: table in a terminal, ndjson elsewhere)"),
    Flag.optional
  )
}

export const list = Command.make(
  "list",
  flags,
  Effect.fn("list")(function* ({ all, format, limit, status }) {
    if (all && Option.isSome(limit)) {
      return yield* new AppError.AppError({
        message: "--all and --limit exclude each other; give one of them",
        exitCode: AppError.exitCodes.usage
      })
    }
    const stdio = yield* Stdio.Stdio
    const inTerminal = yield* stdio.stdoutIsTerminal
    const print = formats[Option.getOrElse(format, () => (inTerminal ? "table" : "ndjson"))]
    const sessions = Sessions.stream(Option.isSome(status) ? { status: status.value } : {})
    yield* sessions.pipe(
      all ? (stream) => stream : Stream.take(Option.getOrElse(limit, () => DEFAULT_LIMIT)),
      print,
      writeStdout
    )
  })
).pipe(
  Command.withDescription("List sessions in the order of the API."),
  Command.withAlias("ls"),
  Command.withExamples([
    { command: "hb-sessions list --status active", description: "Running sessions" },
    { command: "hb-sessions list --limit 100 --format json", description: "100 sessions as one JSON document" },
    { command: "hb-sessions list --all --format csv > sessions.csv", description: "Every session as CSV" }
  ]),
  Command.provide(SessionsClient.layerConfigNoDeps.pipe(Layer.provide(Transport.layer)))
)
