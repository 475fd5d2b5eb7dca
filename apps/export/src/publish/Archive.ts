/**
 * What can be said of the whole data, and not only of the last read.
 */
import type { ScanReport } from "@hb-sessions/core/ScanReport"
import type { Plan } from "../resume/Checkpoint.ts"
import { type Archive, type Manifest, toTime } from "./Manifest.ts"

/**
 * The archive's completeness after a read.
 *
 * **Details**
 *
 * A read of the recent part proves something of that part only: the rest is as good as the last whole read. A whole read
 * that proves nothing does not take away what an earlier one has proven, but nothing new is proven until one does. To
 * read back to `--since` is to read all that a snapshot asks for.
 */
export const archiveOf = (options: {
  readonly generation: number
  readonly plan: Plan
  readonly report: ScanReport
  readonly ended: string
  readonly before: Archive | undefined
}): Archive => {
  const { before, ended, generation, plan, report } = options
  const { completeness } = report
  const isWhole = before === undefined || plan.readSince === undefined
  const isBetter = isWhole && (completeness.status === "proven" || before?.wholeRead.completeness.status !== "proven")
  const wholeRead =
    before === undefined || isBetter
      ? { generation, started: toTime(plan.started), ended, completeness }
      : before.wholeRead
  return {
    completeness:
      completeness.status === "proven" && wholeRead.completeness.status === "proven" ? "proven" : "unproven",
    wholeRead
  }
}

/** The archive's completeness in words; empty where the last read was of everything. */
export const archiveText = ({ archive: { wholeRead }, generation }: Manifest): string =>
  wholeRead.generation === generation
    ? ""
    : `, of what was read; the whole list was last read on ${wholeRead.ended}, ${wholeRead.completeness.status}`
