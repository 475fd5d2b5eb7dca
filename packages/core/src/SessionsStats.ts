/**
 * What a list of sessions comes to: counts, credits and durations, gathered in one pass and in bounded memory.
 *
 * **Details**
 *
 * The parts are pure: fold pages with `add`, join what was gathered apart with `merge`, and read a `SessionsSummary`
 * with `result` at any time. Memory grows with the days, teams and statuses that occur, not with the sessions.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import * as Sketch from "./internal/statsSketch.ts"
import type { Session } from "./Session.ts"

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

/** Schema for what a part of the sessions comes to. */
export const Share = Schema.Struct({
  sessions: Count,
  credits: Schema.Finite.annotateKey({ description: "Credits used by those of them that have been charged" })
}).annotate({ identifier: "Share" })
export type Share = typeof Share.Type

const Millis = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))

/** Schema for the durations, in whole milliseconds; percentiles have a relative error of at most 1 %, before rounding. */
export const Durations = Schema.Struct({
  sessions: Count.annotateKey({ description: "Sessions that have both a start and an end" }),
  mean: Millis,
  min: Millis,
  p50: Millis,
  p90: Millis,
  p95: Millis,
  p99: Millis,
  max: Millis
}).annotate({ identifier: "Durations" })
export type Durations = typeof Durations.Type

/** Schema for what a list of sessions comes to. */
export const SessionsSummary = Schema.Struct({
  sessions: Count,
  activeNow: Count.annotateKey({ description: "Sessions that were active when they were read" }),
  credits: Schema.Finite.annotateKey({ description: "Credits in total, rounded to a billionth like all credits here" }),
  byStatus: Schema.Record(Schema.String, Count).annotateKey({
    description: "Sessions by status; `unknown` where the server gave none"
  }),
  byDay: Schema.Record(Schema.String, Share).annotateKey({
    description: "By day of creation, or of the start if there is no creation, as `YYYY-MM-DD` in UTC; else `unknown`"
  }),
  byTeam: Schema.Record(Schema.String, Share).annotateKey({
    description: "By team; `unknown` where the server gave none"
  }),
  launchFeatures: Schema.Record(Schema.String, Count).annotateKey({
    description: "Sessions by launch option that is on, among them `profile`, `staticIpId` and `solverType`"
  }),
  durations: Schema.optionalKey(Durations).annotateKey({
    description: "Absent when no session has both a start and an end"
  })
}).annotate({ identifier: "SessionsSummary" })
export type SessionsSummary = typeof SessionsSummary.Type

/** What was gathered so far. */
export interface SessionsStats {
  readonly sessions: number
  readonly credits: number
  readonly statuses: ReadonlyMap<string, number>
  /** By days since the epoch; NaN where there is no time. */
  readonly days: ReadonlyMap<number, Share>
  readonly teams: ReadonlyMap<string, Share>
  readonly features: ReadonlyMap<string, number>
  readonly durations: Readonly<Sketch.Sketch>
}

/** Nothing yet. */
export const empty: SessionsStats = {
  sessions: 0,
  credits: 0,
  statuses: new Map(),
  days: new Map(),
  teams: new Map(),
  features: new Map(),
  durations: Sketch.make()
}

/** Adds sessions, such as those of one page. Each call copies what was gathered: add many at once. */
export const add = (stats: SessionsStats, sessions: ReadonlyArray<Session>): SessionsStats => {
  const { days, durations, features, statuses, teams } = copy(stats)
  let total = stats.credits
  for (const session of sessions) {
    const share = { sessions: 1, credits: session.creditsUsed ?? 0 }
    total += share.credits
    addCount(statuses, session.status ?? UNKNOWN, 1)
    addShare(days, dayOf(session), share)
    addShare(teams, session.teamId ?? UNKNOWN, share)
    const duration = durationOf(session)
    if (duration !== undefined) Sketch.add(durations, duration)
    const launch = session.launchState ?? {}
    for (const name of Object.keys(launch)) {
      if (launch[name] === true || (valued.has(name) && Boolean(launch[name]))) addCount(features, name, 1)
    }
  }
  return { sessions: stats.sessions + sessions.length, credits: total, statuses, days, teams, features, durations }
}

/** Joins what was gathered apart, from different sessions. */
export const merge = (left: SessionsStats, right: SessionsStats): SessionsStats => {
  const { days, durations, features, statuses, teams } = copy(left)
  for (const [status, count] of right.statuses) addCount(statuses, status, count)
  for (const [day, share] of right.days) addShare(days, day, share)
  for (const [team, share] of right.teams) addShare(teams, team, share)
  for (const [feature, count] of right.features) addCount(features, feature, count)
  Sketch.addAll(durations, right.durations)
  return {
    sessions: left.sessions + right.sessions,
    credits: left.credits + right.credits,
    statuses,
    days,
    teams,
    features,
    durations
  }
}

/** What was gathered, for people and for JSON; keys are in order. */
export const result = (stats: SessionsStats): SessionsSummary => ({
  sessions: stats.sessions,
  activeNow: stats.statuses.get("active") ?? 0,
  credits: rounded(stats.credits),
  byStatus: inOrder(stats.statuses, (count) => count),
  byDay: inOrder(new Map([...stats.days].map(([day, share]) => [dayText(day), share])), roundedShare),
  byTeam: inOrder(stats.teams, roundedShare),
  launchFeatures: inOrder(stats.features, (count) => count),
  ...(stats.durations.count === 0 ? {} : { durations: durationsOf(stats.durations) })
})

/** Reads a stream to its end and tells what it comes to. */
export const summarize = <E, R>(self: Stream.Stream<Session, E, R>): Effect.Effect<SessionsSummary, E, R> =>
  Effect.map(
    Stream.run(
      self,
      Sink.reduceArray(() => empty, add)
    ),
    result
  )

const UNKNOWN = "unknown"

const MILLIS_PER_DAY = 86_400_000

/** The launch options that are on when they have a value. */
const valued = new Set(["profile", "staticIpId", "solverType"])

const copy = (stats: SessionsStats) => ({
  statuses: new Map(stats.statuses),
  days: new Map(stats.days),
  teams: new Map(stats.teams),
  features: new Map(stats.features),
  durations: Sketch.copy(stats.durations)
})

const addCount = (counts: Map<string, number>, key: string, count: number) =>
  counts.set(key, (counts.get(key) ?? 0) + count)

const addShare = <Key>(shares: Map<Key, Share>, key: Key, { credits, sessions }: Share) => {
  const before = shares.get(key)
  shares.set(
    key,
    before === undefined
      ? { sessions, credits }
      : { sessions: before.sessions + sessions, credits: before.credits + credits }
  )
}

const dayOf = ({ createdAt, startTime }: Session): number =>
  Math.floor((createdAt ?? startTime ?? Number.NaN) / MILLIS_PER_DAY)

const dayText = (day: number): string =>
  Number.isNaN(day) ? UNKNOWN : new Date(day * MILLIS_PER_DAY).toISOString().slice(0, -"T00:00:00.000Z".length)

/** Undefined unless the session has ended; clocks that disagree can put an end before its start. */
const durationOf = ({ endTime, startTime }: Session): number | undefined =>
  endTime === undefined || endTime === null || startTime === undefined || startTime === null || endTime < startTime
    ? undefined
    : endTime - startTime

const durationsOf = (sketch: Sketch.Sketch): Durations => {
  const [p50 = 0, p90 = 0, p95 = 0, p99 = 0] = Sketch.quantiles(sketch, [0.5, 0.9, 0.95, 0.99]).map(Math.round)
  return {
    sessions: sketch.count,
    mean: Math.round(sketch.sum / sketch.count),
    min: sketch.min,
    p50,
    p90,
    p95,
    p99,
    max: sketch.max
  }
}

// Decimal fractions do not add up exactly in binary; a billionth of a credit is never charged. Adding 0 makes -0 0.
const rounded = (credits: number): number => Number(credits.toFixed(9)) + 0

const roundedShare = ({ credits, sessions }: Share): Share => ({ sessions, credits: rounded(credits) })

const inOrder = <A, B>(map: ReadonlyMap<string, A>, f: (value: A) => B): Record<string, B> =>
  Object.fromEntries(
    [...map].toSorted(([left], [right]) => (left < right ? -1 : 1)).map(([key, value]) => [key, f(value)])
  )
