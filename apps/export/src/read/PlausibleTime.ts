/**
 * Which times of the API are plausible: one wrong clock must not hide later sessions.
 */

/** No session is older. */
export const firstTime = Date.UTC(2000, 0, 1)

const AHEAD = 366 * 86_400_000

/** How far behind the server's clock the bookmark stays, since the clocks of several servers differ. */
const MARGIN = 5 * 60_000

/** Whether a session may have been created then: from 2000 on, and at most a year after `now`; epoch milliseconds. */
export const isPlausible = (createdAt: number, now: number): boolean =>
  createdAt >= firstTime && createdAt <= now + AHEAD

/** The time before which no session can still be created when the server's clock shows `now`. */
export const surelyPast = (now: number): number => now - MARGIN
