/**
 * A summary of sessions, cut into the parts of a chart.
 */
import type { SessionsSummary } from "@hb-sessions/core/SessionsStats"

export type GroupBy = "day" | "week" | "status" | "team"

/** One bar. */
export interface Group {
  readonly name: string
  readonly sessions: number
  /** Undefined where the summary has none. */
  readonly credits?: number
}

const MILLIS_PER_DAY = 86_400_000

/** The Monday of the week of a day, both as `YYYY-MM-DD`. */
export const weekOf = (day: string): string => {
  const millis = Date.parse(day)
  if (Number.isNaN(millis)) return day
  const sinceMonday = (new Date(millis).getUTCDay() + 6) % 7
  return new Date(millis - sinceMonday * MILLIS_PER_DAY).toISOString().slice(0, "2026-01-31".length)
}

/** The bars: by time in its order and without gaps, else the largest first. */
export const groupsOf = (summary: SessionsSummary, by: GroupBy): ReadonlyArray<Group> => {
  switch (by) {
    case "status":
      return largestFirst(Object.entries(summary.byStatus).map(([name, sessions]) => ({ name, sessions })))
    case "team":
      return largestFirst(Object.entries(summary.byTeam).map(([name, share]) => ({ name, ...share })))
    case "day":
      return withoutGaps(summary.byDay, (day) => day, 1)
    case "week":
      return withoutGaps(summary.byDay, weekOf, 7)
  }
}

const largestFirst = (groups: ReadonlyArray<Group>) =>
  groups.toSorted((left, right) => right.sessions - left.sessions || (left.name < right.name ? -1 : 1))

const MOST_GAPS = 4000

/** Adds days up to periods, and puts in those without sessions, so that a chart's axis is time. */
const withoutGaps = (
  days: SessionsSummary["byDay"],
  periodOf: (day: string) => string,
  length: number
): ReadonlyArray<Group> => {
  const sums = new Map<string, { sessions: number; credits: number }>()
  for (const [day, { credits, sessions }] of Object.entries(days)) {
    const sum = sums.get(periodOf(day)) ?? { sessions: 0, credits: 0 }
    sums.set(periodOf(day), {
      sessions: sum.sessions + sessions,
      credits: Number((sum.credits + credits).toFixed(9))
    })
  }
  const dated = [...sums.keys()].filter((name) => !Number.isNaN(Date.parse(name))).toSorted()
  const [first, last] = [Date.parse(dated[0] ?? ""), Date.parse(dated.at(-1) ?? "")]
  const step = length * MILLIS_PER_DAY
  if ((last - first) / step < MOST_GAPS) {
    for (let at = first; at < last; at += step) {
      const name = new Date(at).toISOString().slice(0, "2026-01-31".length)
      if (!sums.has(name)) sums.set(name, { sessions: 0, credits: 0 })
    }
  }
  return [...sums].map(([name, sum]) => ({ name, ...sum })).toSorted((left, right) => (left.name < right.name ? -1 : 1))
}
