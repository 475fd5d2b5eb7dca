/**
 * The flags by which commands choose sessions and say how they are read.
 */
import { flagOf, textFlag } from "@hb-sessions/app-kit/Setting"
import { TimeExpression } from "@hb-sessions/app-kit/TimeExpression"
import { countText } from "@hb-sessions/core/SettingText"
import * as Flag from "effect/cli/Flag"
import { settings } from "../settings/settings.ts"

/** A whole number from 1 on. */
export const positiveInt = (name: string) =>
  textFlag(name, countText({ min: 1, max: Infinity })).pipe(Flag.withMetavar("<n>"))

const status = Flag.String("status").pipe(
  Flag.withAlias("s"),
  Flag.withMetavar("<status>"),
  Flag.withDescription(
    "Only sessions with this status, such as active, closed, error or close-error; repeatable (default: all)"
  ),
  Flag.atMost(20)
)

const since = textFlag("since", TimeExpression).pipe(
  Flag.withMetavar("<time>"),
  Flag.withDescription(
    "Only sessions created at this time or later: 7d, 24h, yesterday or ISO 8601 (default: no bound)"
  ),
  Flag.optional
)

const until = textFlag("until", TimeExpression).pipe(
  Flag.withMetavar("<time>"),
  Flag.withDescription("Only sessions created before this time (default: no bound)"),
  Flag.optional
)

export const team = Flag.String("team").pipe(
  Flag.withMetavar("<id>"),
  Flag.withDescription("Only sessions of this team (default: all)"),
  Flag.optional
)

const minCredits = Flag.Finite("min-credits").pipe(
  Flag.withMetavar("<n>"),
  Flag.withDescription("Only sessions that used at least this many credits (default: no bound)"),
  Flag.optional
)

export const concurrency = flagOf("concurrency", settings.concurrency)

export const pageSize = flagOf("pageSize", settings.pageSize)

export const jq = Flag.String("jq").pipe(
  Flag.withMetavar("<expression>"),
  Flag.withDescription("Print the results of this jq expression for each record (default: the record)"),
  Flag.optional
)

export const tz = flagOf("tz", settings.tz)

/** Which sessions. */
export const filterFlags = { status, since, until, team, minCredits }

/** How a whole list is read. */
export const readFlags = { consistency: flagOf("consistency", settings.consistency), concurrency, pageSize }
