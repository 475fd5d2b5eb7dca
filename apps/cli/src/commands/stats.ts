/**
 * `hb-sessions stats`: its flags and its help.
 */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { filterFlags, readFlags } from "../reading/flags.ts"

const flags = {
  by: Flag.Literals("by", ["day", "week", "status", "team"]).pipe(
    Flag.withDescription("What to group by (default: day)"),
    Flag.withDefault("day")
  ),
  ...filterFlags,
  ...readFlags,
  format: Flag.Literals("format", ["chart", "json"]).pipe(
    Flag.withAlias("f"),
    Flag.withDescription("Output format (default: chart in a terminal, json elsewhere)"),
    Flag.optional
  ),
  svg: Flag.String("svg").pipe(
    Flag.withMetavar("<file>"),
    Flag.withDescription("Also write the chart to this file as SVG (default: none)"),
    Flag.optional
  )
}

export type StatsInput = Command.Command.Config.Infer<typeof flags>

export const stats = Command.make("stats", flags).pipe(
  Command.withDescription("Show summary statistics: sessions, credits, durations, launch features."),
  Command.withExamples([
    { command: "hb-sessions stats --since 30d --by week", description: "The last month by week" },
    { command: "hb-sessions stats --by team --svg teams.svg", description: "A picture for a report" },
    { command: "hb-sessions stats | jq .durations.p99", description: "One number, in milliseconds" }
  ])
)
