/**
 * `hb-sessions watch`: its flags and its help.
 */
import { textFlag } from "@hb-sessions/app-kit/Setting"
import { durationText } from "@hb-sessions/core/SettingText"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Duration from "effect/Duration"
import { concurrency, pageSize, positiveInt, team, tz } from "../reading/flags.ts"

const flags = {
  interval: textFlag("interval", durationText({ min: 100 })).pipe(
    Flag.withMetavar("<duration>"),
    Flag.withDescription("Time between two reads, such as 2s or 1m (default: 5s)"),
    Flag.withDefault(Duration.seconds(5))
  ),
  limit: positiveInt("limit").pipe(
    Flag.withAlias("n"),
    Flag.withDescription("Maximum rows of the table (default: as many as fit)"),
    Flag.optional
  ),
  team,
  tz,
  untilIdle: Flag.Boolean("until-idle").pipe(
    Flag.withDescription("Exit when no session is active (default: run until Ctrl-C)"),
    Flag.withDefault(false)
  ),
  exitStatus: Flag.Boolean("exit-status").pipe(
    Flag.withDescription(
      "With --until-idle: exit with 1 unless every watched session is known to have succeeded (default: off)"
    ),
    Flag.withDefault(false)
  ),
  concurrency,
  pageSize
}

export type WatchInput = Command.Command.Config.Infer<typeof flags>

export const watch = Command.make("watch", flags).pipe(
  Command.withDescription("Watch the active sessions: a live table in a terminal, one JSON line per change elsewhere."),
  Command.withExamples([
    { command: "hb-sessions watch", description: "Until Ctrl-C" },
    { command: "hb-sessions watch --until-idle --exit-status && deploy", description: "Wait until all succeed" }
  ])
)
