/**
 * Sessions and credits by day, in the reader's time zone.
 */
import type { Session } from "@hb-sessions/core/Session"
import { momentOf } from "./Row.ts"

/** Most days; the others are left out, which the note says. */
const MAX_DAYS = 60
const DAY = 86_400_000

/** What came on a day, as `YYYY-MM-DD`. */
export interface DayShare {
  readonly day: string
  readonly sessions: number
  readonly credits: number
}

/** The days from the first to the last, those without a session too, and what they are. */
export interface SessionsByDay {
  readonly days: ReadonlyArray<DayShare>
  readonly note: string
}

/** The day of a moment in the reader's zone, as days since 1970; NaN for one that no calendar has. */
const dayOf = (millis: number): number => {
  const date = new Date(millis)
  return new Date(0).setUTCFullYear(date.getFullYear(), date.getMonth(), date.getDate()) / DAY
}

const nameOf = (day: number): string => new Date(day * DAY).toISOString().slice(0, -14)

const largest = (days: Iterable<number>): number => {
  let found = -Infinity
  for (const day of days) found = Math.max(found, day)
  return found
}

/**
 * Sums sessions up by day.
 *
 * **Details**
 *
 * One session of the year 9999 must not push all others out: days after tomorrow are left out, tomorrow included since
 * clocks differ. `now` is epoch milliseconds. If all days are later the clock is wrong, and they are shown.
 */
export const sessionsByDay = (sessions: Iterable<Session>, now: number): SessionsByDay => {
  const shares = new Map<number, { sessions: number; credits: number }>()
  for (const session of sessions) {
    const day = dayOf(momentOf(session) ?? Number.NaN)
    if (Number.isNaN(day)) continue
    const share = shares.get(day) ?? { sessions: 0, credits: 0 }
    share.sessions += 1
    share.credits += session.creditsUsed ?? 0
    shares.set(day, share)
  }
  const all = [...shares.keys()]
  if (all.length === 0) return { days: [], note: "No session has a time." }
  const tomorrow = dayOf(now) + 1
  const past = all.filter((day) => day <= tomorrow)
  const last = largest(past.length === 0 ? all : past)
  const first = Math.max(-largest(all.map((day) => -day)), last - MAX_DAYS + 1)
  const left = [
    ...(all.some((day) => day < first) ? ["earlier"] : []),
    ...(all.some((day) => day > last) ? ["later"] : [])
  ]
  const days = Array.from({ length: last - first + 1 }, (_, index) => ({
    day: nameOf(first + index),
    ...(shares.get(first + index) ?? { sessions: 0, credits: 0 })
  }))
  const rest = left.length === 0 ? "" : `; ${left.join(" and ")} days are left out`
  return { days, note: `${nameOf(first)} to ${nameOf(last)}, in your time zone${rest}.` }
}
