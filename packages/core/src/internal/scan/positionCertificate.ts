/**
 * The position certificate: the recent part of a list that is newest first, read without a gap.
 *
 * **Assumption.** The list is newest first, and new sessions enter it before all others; totals are right, and no answer
 * comes from a cache.
 *
 * **Proof.** A row's distance from the end changes only if a row below it leaves the list. None did: the first row of the
 * pass was read when the list held T sessions, and found again, n places further down, when it held T + n; so as many
 * entered above it as the list grew by, and none left below it. Both totals are known exactly: no other total was told
 * between the last response before and the first one asked for after. So the rows of every response are at the distances
 * that `placement` says. If these leave no gap, from the page whose rows are all older than what is asked for up to what
 * the list held when the read began, then every session between the two has been read; and one that is not older, and
 * was there all the time, is between the two.
 */
import { gapsBetween } from "./gaps.ts"
import { headMoved } from "./countCertificate.ts"
import { overlapsAgree } from "./overlaps.ts"
import { placeRows, totalsAround } from "./placement.ts"
import type { Answer } from "./Answer.ts"
import type { Scan } from "./Scan.ts"

/** `unplaced`: the list grew while its first page was read, so the pass cannot prove anything. */
export type PositionVerdict = "proven" | "open" | "unplaced" | "violated"

/** What is not known from totals is not taken for granted. */
const unknown = { low: 0, high: Infinity }

/** The gaps of what was read down to `since`; undefined if there is no such place. */
export const recentGaps = (scan: Scan) => {
  const { pageSize, pass, responses, rules, totals } = scan
  if (pageSize === undefined || totals.first === undefined) return undefined
  const placed = placeRows(responses.from(0), { pageSize, start: pass.start, ...unknown, rules })
  const stop = placed.find(({ page }) => page === pass.reached)
  const start = placed.find(({ page }) => page === 1)
  if (start === undefined || stop === undefined) return undefined
  const from = stop.low - (stop.page - 1) * pageSize
  return { start, gaps: gapsBetween(placed, { pageSize, from, to: totals.first }) }
}

/** Checks what was read until now; `head` is the head of the list, read again until the first row of the pass was met. */
export const positionCertificate = (scan: Scan, head: ReadonlyArray<Answer>): PositionVerdict => {
  const { observer, pageSize, pass, responses, rules, totals } = scan
  const recent = recentGaps(scan)
  if (recent === undefined || pageSize === undefined || pass.first === undefined) return "violated"
  if (!observer.isNewestFirst || observer.sawLateStart || totals.fell || pass.isUneven) return "violated"
  const { gaps, start } = recent
  if (start.low !== start.high) return "unplaced"

  const { id } = pass.first
  const again = head.findLast(({ sessions }) => sessions.some((session) => session.id === id))
  if (again === undefined || again.unreadable?.has(id) === true) return "violated"
  const [low, high] = totalsAround([...responses.from(0)], unknown)(again)
  if (low !== high) return "open"
  const entered = headMoved(scan, [again])
  if (entered === undefined || !rules.overlapsAgree(overlapsAgree(scan))) return "violated"
  if (!rules.noneLeft(entered - (high - start.high))) return "violated"
  return gaps.length === 0 ? "proven" : "open"
}
