/**
 * Which sessions a command reads: what the flags say, as options of a read and a filter.
 */
import * as TimeExpression from "@hb-sessions/app-kit/TimeExpression"
import type { Session } from "@hb-sessions/core/Session"
import type { ReadOptions } from "@hb-sessions/core/Sessions"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as settings from "../settings/settings.ts"
import { usage } from "../settings/usage.ts"

/** The flags that choose sessions. */
export interface Selection {
  readonly status: ReadonlyArray<string>
  readonly since: Option.Option<string>
  readonly until: Option.Option<string>
  readonly team: Option.Option<string>
  readonly minCredits: Option.Option<number>
}

/** The bounds of `createdAt` in epoch milliseconds. */
export interface Times {
  readonly since: number | undefined
  readonly until: number | undefined
}

const time = Effect.fnUntraced(function* (flag: string, text: Option.Option<string>) {
  if (Option.isNone(text)) return undefined
  return yield* Effect.mapError(TimeExpression.parse(text.value), ({ message }) => usage(`--${flag}: ${message}`))
})

/** What is asked of core, and what is left to do here. */
export const select = Effect.fnUntraced(function* (selection: Selection) {
  const since = yield* time("since", selection.since)
  const until = yield* time("until", selection.until)
  if (since !== undefined && until !== undefined && since >= until) {
    return yield* usage("--since is not before --until, so no session can match; exchange them")
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

/** How a whole list is read, from flags, environment and profile. */
export const reading = Effect.gen(function* () {
  const pageSize = yield* Config.option(settings.pageSize)
  return {
    consistency: yield* settings.consistency.pipe(Config.withDefault("verified")),
    concurrency: yield* settings.concurrency,
    ...(Option.isSome(pageSize) ? { pageSize: pageSize.value } : {})
  } satisfies ReadOptions
})
