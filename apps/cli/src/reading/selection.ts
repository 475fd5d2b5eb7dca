/**
 * Which sessions a command reads: what the flags say, as options of a read and a filter.
 */
import { configOfAll } from "@hb-sessions/app-kit/Setting"
import type { TimeExpression } from "@hb-sessions/app-kit/TimeExpression"
import type { Session } from "@hb-sessions/core/Session"
import type { ReadOptions } from "@hb-sessions/core/Sessions"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { settings } from "../settings/settings.ts"
import { usage } from "../settings/usage.ts"

/** The flags that choose sessions. */
export interface Selection {
  readonly status: ReadonlyArray<string>
  readonly since: Option.Option<TimeExpression>
  readonly until: Option.Option<TimeExpression>
  readonly team: Option.Option<string>
  readonly minCredits: Option.Option<number>
}

/** The bounds of `createdAt` in epoch milliseconds. */
export interface Times {
  readonly since: number | undefined
  readonly until: number | undefined
}

/** What is asked of core, and what is left to do here. */
export const select = Effect.fnUntraced(function* (selection: Selection) {
  const since = Option.getOrUndefined(selection.since)?.millis
  const until = Option.getOrUndefined(selection.until)?.millis
  if (since !== undefined && until !== undefined && since >= until) {
    return yield* usage("--since is not before --until, so no session can match; swap them")
  }
  const statuses = [...new Set(selection.status)]
  const [status] = statuses
  const options: ReadOptions = {
    ...(status === undefined ? {} : { status: statuses.length === 1 ? status : statuses }),
    // As numbers, times before 1973 look like seconds.
    ...(since === undefined ? {} : { since: { epochMilliseconds: since } }),
    ...(until === undefined ? {} : { until: { epochMilliseconds: until } })
  }
  const team = Option.getOrUndefined(selection.team)
  const minCredits = Option.getOrUndefined(selection.minCredits)
  const matches = (session: Session): boolean =>
    (team === undefined || session.teamId === team) &&
    (minCredits === undefined || (session.creditsUsed ?? 0) >= minCredits)
  return { options, times: { since, until }, matches, filters: team !== undefined || minCredits !== undefined }
})

const ofReading = {
  consistency: settings.consistency,
  concurrency: settings.concurrency,
  pageSize: settings.pageSize
}

/** How a whole list is read, from flags, environment and profile. */
export const reading = Effect.map(
  configOfAll(ofReading),
  ({ pageSize, ...read }) => ({ ...read, ...(pageSize === undefined ? {} : { pageSize }) }) satisfies ReadOptions
)
