/**
 * Where the next incremental run begins.
 */
import type { ScanReport } from "@hb-sessions/core/ScanReport"
import type { Plan, Progress } from "../resume/Checkpoint.ts"
import { type Bookmark, toTime } from "./Manifest.ts"
import { surelyPast } from "../read/PlausibleTime.ts"

/** What a bookmark follows from. */
export interface Findings {
  readonly plan: Plan
  readonly progress: Progress
  readonly report: ScanReport
  /** How far the server's clock is ahead of ours, in milliseconds. */
  readonly ahead: number
  /** Sessions in the index; undefined for a snapshot. */
  readonly known: number | undefined
  /** The bookmark before; undefined if there is none, or it does not count any more. */
  readonly before: Bookmark | undefined
}

/**
 * Makes the bookmark of a run.
 *
 * **Details**
 *
 * It follows only what is proven to have been read: after an unproven read it stays where it was. And it stays behind
 * the server's clock, behind the oldest session that may still change, and behind `--until`, since what came after that
 * was left out, and will be asked for when a relative `--until` has moved.
 */
export const bookmarkOf = ({ ahead, before, known, plan, progress, report }: Findings): Bookmark => {
  const newest = latest(millisOf(before?.newestCreatedAt), progress.newestCreatedAt)
  const isProven = report.completeness.status === "proven"
  const reached = isProven ? newest : millisOf(before?.settledBefore)
  const limits = [surelyPast(plan.started + ahead), progress.oldestOpen, plan.until].filter(
    (limit) => limit !== undefined
  )
  const settled = reached === undefined ? undefined : Math.min(reached, ...limits)
  // They are part of every total, and no index knows them.
  const unreadable = plan.readSince === undefined ? report.unreadableRows : (before?.unreadable ?? 0)
  const listed =
    known === undefined || report.totalCountLast === undefined
      ? undefined
      : Math.min(known + unreadable, report.totalCountLast)
  return {
    ...(newest === undefined ? {} : { newestCreatedAt: toTime(newest) }),
    ...(progress.oldestOpen === undefined ? {} : { oldestOpen: toTime(progress.oldestOpen) }),
    undatedOpen: progress.undatedOpen || (!isProven && before?.undatedOpen === true),
    order: report.order === "unknown" ? (before?.order ?? report.order) : report.order,
    ...(settled === undefined ? {} : { settledBefore: toTime(settled) }),
    ...(listed === undefined ? {} : { listed }),
    ...(unreadable === 0 ? {} : { unreadable })
  }
}

const latest = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? (a ?? b) : Math.max(a, b)

const millisOf = (time: string | undefined): number | undefined => (time === undefined ? undefined : Date.parse(time))
