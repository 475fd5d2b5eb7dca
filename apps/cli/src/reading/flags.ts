/**
 * The flags by which commands choose sessions and say how they are read.
 */
import * as Flag from "effect/cli/Flag"
import * as Schema from "effect/Schema"
import { consistencies } from "../settings/names.ts"

const PositiveInt = Schema.Int.check(
  Schema.isGreaterThanOrEqualTo(1, { message: "must be a whole number of at least 1" })
)

/** A whole number from 1 on. */
export const positiveInt = (name: string) => Flag.Int(name).pipe(Flag.withMetavar("<n>"), Flag.withSchema(PositiveInt))

const status = Flag.String("status").pipe(
  Flag.withAlias("s"),
  Flag.withMetavar("<status>"),
  Flag.withDescription(
    "Only sessions in this status, such as active, closed, error or close-error; repeatable (default: all)"
  ),
  Flag.atMost(20)
)

const since = Flag.String("since").pipe(
  Flag.withMetavar("<time>"),
  Flag.withDescription(
    "Only sessions created at this time or later: 7d, 24h, yesterday or ISO 8601 (default: no bound)"
  ),
  Flag.optional
)

const until = Flag.String("until").pipe(
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

const consistency = Flag.Literals("consistency", consistencies).pipe(
  Flag.withDescription("verified: read until the list is proven complete; fast: read it once (default: verified)"),
  Flag.optional
)

export const concurrency = positiveInt("concurrency").pipe(
  Flag.withDescription("Most pages in flight (default: 8)"),
  Flag.optional
)

export const pageSize = positiveInt("page-size").pipe(
  Flag.withDescription("Sessions per page; the server may ignore it (default: the server's)"),
  Flag.optional
)

export const jq = Flag.String("jq").pipe(
  Flag.withMetavar("<expression>"),
  Flag.withDescription("Print the results of this jq expression for each record (default: the record)"),
  Flag.optional
)

export const tz = Flag.String("tz").pipe(
  Flag.withMetavar("<zone>"),
  Flag.withDescription("Time zone of the times in a table: local, or one such as Europe/Paris (default: UTC)"),
  Flag.optional
)

/** Which sessions. */
export const filterFlags = { status, since, until, team, minCredits }

/** How a whole list is read. */
export const readFlags = { consistency, concurrency, pageSize }
