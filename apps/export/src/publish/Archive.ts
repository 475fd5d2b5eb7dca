/**
 * The completeness of the whole data, as opposed to that of the last read.
 */
import type { ScanReport } from "@hb-sessions/core/ScanReport"
import type { Plan } from "../resume/Checkpoint.ts"
import { type Archive, type Manifest, toTime } from "./Manifest.ts"

/**
 * The archive's completeness after a read.
 *
 * **Details**
 *
 * A partial read proves only that part: the rest is as good as the last whole read. An unproven whole read does not
 * invalidate an earlier proof, but leaves the archive unproven until a read is proven again. For a snapshot, reading back
 * to `--since` is a whole read.
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

/** The archive's completeness in words; empty if the last read was a whole read. */
export const archiveText = ({ archive: { wholeRead }, generation }: Manifest): string =>
  wholeRead.generation === generation
    ? ""
    : ` for what was read; the whole list was last read on ${wholeRead.ended}, ${wholeRead.completeness.status}`
