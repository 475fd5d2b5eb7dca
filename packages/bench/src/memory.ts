/**
 * `memory`: what a long list needs that a short one does not.
 */
import { exportPeakMegabytes, readOnce } from "./children.ts"
import { median } from "./Comparison.ts"
import { atMost, type Section } from "./Report.ts"
import { withUpstream } from "./upstream.ts"

const SIZES = [10_000, 100_000, 1_000_000]

export const memory = async (rounds: number): Promise<Section> => {
  const peaks: Array<{ readonly size: number; readonly read: number; readonly exported: number }> = []
  for (const size of SIZES) {
    const peak = await withUpstream(["--sessions", String(size), "--page-size", "100"], async (upstream) => {
      const reads: Array<number> = []
      const exports: Array<number> = []
      for (let round = 0; round < rounds; round++) {
        reads.push((await readOnce(upstream)).peakMegabytes)
        exports.push(await exportPeakMegabytes(upstream))
      }
      return { size, read: median(reads), exported: median(exports) }
    })
    peaks.push(peak)
  }
  const [, middle, largest] = peaks
  if (middle === undefined || largest === undefined) throw new Error("three sizes are compared")
  const slope = (key: "read" | "exported") =>
    Math.round(((largest[key] - middle[key]) * 1024 * 1024) / (largest.size - middle.size))
  return {
    name: "memory",
    work: "Read the whole list, and export it to CSV, in a process of its own; the highest resident set.",
    tables: [
      {
        columns: ["sessions", "`Sessions.pages`", "`hb-sessions-export run`"],
        rows: peaks.map(({ exported, read, size }) => [
          size.toLocaleString("en"),
          `${read.toFixed(0)} MB`,
          `${exported.toFixed(0)} MB`
        ])
      }
    ],
    claims: [
      atMost("peak of a read of 1,000,000 ÷ that of 100,000", 1.5, largest.read / middle.read),
      atMost("peak of an export of 1,000,000 ÷ that of 100,000", 1.5, largest.exported / middle.exported)
    ],
    notes: [
      `From 100,000 to 1,000,000 sessions the peak grows by ${slope("read")} bytes a session for the read and ${slope("exported")} for the export.`
    ]
  }
}
