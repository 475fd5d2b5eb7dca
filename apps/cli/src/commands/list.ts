/**
 * `hb-sessions list`: its flags and its help.
 */
import { flagOf } from "@hb-sessions/app-kit/Setting"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { filterFlags, jq, positiveInt, readFlags, tz } from "../reading/flags.ts"
import { settings } from "../settings/settings.ts"

const flags = {
  ...filterFlags,
  limit: positiveInt("limit").pipe(
    Flag.withAlias("n"),
    Flag.withDescription("Stop after this many sessions (default: 20)"),
    Flag.optional
  ),
  all: Flag.Boolean("all").pipe(
    Flag.withAlias("a"),
    Flag.withDescription("List every session, and report whether the list is proven complete (default: off)"),
    Flag.withDefault(false)
  ),
  page: positiveInt("page").pipe(
    Flag.withDescription("List only this page of the API, from 1 (default: as many as needed)"),
    Flag.optional
  ),
  columns: Flag.String("columns").pipe(
    Flag.withAlias("c"),
    Flag.withMetavar("<a,b>"),
    Flag.withDescription(
      "Only these fields, such as id,status,launchState.screen.width; any key by its path, and '*' for all (default: by format)"
    ),
    Flag.optional
  ),
  sort: Flag.String("sort").pipe(
    Flag.withMetavar("<key[:desc]>"),
    Flag.withDescription("Sort by this field, once everything has been read (default: the order of the API)"),
    Flag.optional
  ),
  format: flagOf("format", settings.format),
  dialect: Flag.Literals("dialect", ["plain", "spreadsheet"]).pipe(
    Flag.withDescription(
      "spreadsheet: in CSV, put an apostrophe before text that a spreadsheet would run as a formula (default: plain)"
    ),
    Flag.withDefault("plain")
  ),
  jq,
  tz,
  output: Flag.String("output").pipe(
    Flag.withAlias("o"),
    Flag.withMetavar("<file>"),
    Flag.withDescription("Write to this file, which is replaced only when complete (default: stdout)"),
    Flag.optional
  ),
  ...readFlags,
  strict: Flag.Boolean("strict").pipe(
    Flag.withDescription("With --all: exit with 5 if the list is not proven complete (default: off)"),
    Flag.withDefault(false)
  ),
  resume: Flag.String("resume").pipe(
    Flag.withMetavar("<token>"),
    Flag.withDescription("With --all: resume where an interrupted run stopped (default: from the start)"),
    Flag.optional
  ),
  resumeFile: Flag.String("resume-file").pipe(
    Flag.withMetavar("<file>"),
    Flag.withDescription("With --all: keep progress in this file, and resume from it (default: a token)"),
    Flag.optional
  )
}

export type ListInput = Command.Command.Config.Infer<typeof flags>

export const list = Command.make("list", flags).pipe(
  Command.withDescription("List sessions in the order of the API, newest first."),
  Command.withAlias("ls"),
  Command.withExamples([
    { command: "hb-sessions list --status active", description: "Running sessions" },
    {
      command: "hb-sessions list --since 7d --min-credits 1 --sort creditsUsed:desc",
      description: "The most expensive"
    },
    { command: "hb-sessions list --all --strict --format csv --output sessions.csv", description: "All, proven" },
    { command: "hb-sessions list --all --jq 'select(.status == \"error\") | .id'", description: "Ids of failures" }
  ])
)
