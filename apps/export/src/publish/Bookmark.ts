/**
 * Where the next incremental run begins.
 */
import type { ScanReport } from "@hb-sessions/core/ScanReport"
import type { Plan, Progress } from "../resume/Checkpoint.ts"
import { type Bookmark, toTime } from "./Manifest.ts"
import { surelyPast } from "../read/PlausibleTime.ts"

/** The input of a bookmark. */
export interface Findings {
  readonly plan: Plan
  readonly progress: Progress
  readonly report: ScanReport
  /** How far the server's clock is ahead of the local one, in milliseconds. */
  readonly ahead: number
  /** Sessions in the index; undefined for a snapshot. */
  readonly known: number | undefined
  /** The previous bookmark; undefined if there is none, or with `--full-refresh`. */
  readonly before: Bookmark | undefined
}

/**
 * Makes the bookmark of a run.
 *
 * **Details**
 *
 * It advances only after proven reads. It stays behind the server's clock, behind the oldest session that may still
 * change, and behind `--until`, since later sessions were left out and match when a relative `--until` has moved.
 */
export const bookmarkOf = ({ ahead, before, known, plan, progress, report }: Findings): Bookmark => {
  const newest = latest(millisOf(before?.newestCreatedAt), progress.newestCreatedAt)
  const isProven = report.completeness.status === "proven"
  const reached = isProven ? newest : millisOf(before?.finalBefore)
  const limits = [surelyPast(plan.started + ahead), progress.oldestOpen, plan.until].filter(
    (limit) => limit !== undefined
  )
  const final = reached === undefined ? undefined : Math.min(reached, ...limits)
  // They count in every total, but are in no index.
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
    ...(final === undefined ? {} : { finalBefore: toTime(final) }),
    ...(listed === undefined ? {} : { listed }),
    ...(unreadable === 0 ? {} : { unreadable })
  }
}

const latest = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? (a ?? b) : Math.max(a, b)

const millisOf = (time: string | undefined): number | undefined => (time === undefined ? undefined : Date.parse(time))
