/**
 * `memory`: what a long list needs that a short one does not.
 */
import { exportOnce, readOnce, withDirectory } from "./children.ts"
import { median } from "./Comparison.ts"
import { atMost, type Section } from "./Report.ts"
import { withUpstream } from "./upstream.ts"

/** As the images of the export start Node. */
const SMALL_YOUNG_GENERATION = "--max-semi-space-size=8"

const CAUSE =
  "At its peak, an export of a million sessions has some 220 MB of heap, of which less than half is in use: V8 lets its young generation grow and collects late, as there is room. 30 MB is the table of ids, which the proof rests on, and 55 MB Node itself."

export const memory = async (rounds: number, isQuick: boolean): Promise<Section> => {
  const sizes = isQuick ? [1000, 10_000, 100_000] : [10_000, 100_000, 1_000_000]
  const peaks: Array<{
    readonly size: number
    readonly read: number
    readonly exported: number
    readonly small: number
  }> = []
  for (const size of sizes) {
    const peak = await withUpstream(["--sessions", String(size), "--page-size", "100"], async (upstream) => {
      const reads: Array<number> = []
      const exports: Array<number> = []
      const small: Array<number> = []
      const exportTo = (env: Record<string, string>) =>
        withDirectory((out) => exportOnce(upstream, ["--out", out], env))
      for (let round = 0; round < rounds; round++) {
        reads.push((await readOnce(upstream)).peakMegabytes)
        exports.push((await exportTo({})).peakMegabytes)
        small.push((await exportTo({ NODE_OPTIONS: SMALL_YOUNG_GENERATION })).peakMegabytes)
      }
      return { size, read: median(reads), exported: median(exports), small: median(small) }
    })
    peaks.push(peak)
  }
  const [, middle, largest] = peaks
  if (middle === undefined || largest === undefined) throw new Error("three sizes are compared")
  const slope = (key: "read" | "exported") =>
    Math.round(((largest[key] - middle[key]) * 1024 * 1024) / (largest.size - middle.size))
  const [from, to] = [middle.size.toLocaleString("en"), largest.size.toLocaleString("en")]
  const asBytes = { unit: "", cause: CAUSE } as const
  return {
    name: "memory",
    work: "Read the whole list, and export it to CSV, in a process of its own; the highest resident set.",
    tables: [
      {
        columns: [
          "sessions",
          "`Sessions.pages`",
          "`hb-sessions-export run`",
          `the same, \`${SMALL_YOUNG_GENERATION}\``
        ],
        rows: peaks.map(({ exported, read, size, small }) => [
          size.toLocaleString("en"),
          `${read.toFixed(0)} MB`,
          `${exported.toFixed(0)} MB`,
          `${small.toFixed(0)} MB`
        ])
      }
    ],
    // What a short list needs is the heap that Node likes to have, whatever is in it.
    claims: isQuick
      ? []
      : [
          atMost(`peak of a read of ${to} ÷ that of ${from}`, 1.5, largest.read / middle.read),
          atMost(`peak of an export of ${to} ÷ that of ${from}`, 1.5, largest.exported / middle.exported),
          atMost(`bytes a session by which the peak grows from ${from} to ${to}, read`, 40, slope("read"), asBytes),
          atMost(
            `bytes a session by which the peak grows from ${from} to ${to}, export`,
            40,
            slope("exported"),
            asBytes
          ),
          atMost(`megabytes at the peak of an export of ${to}`, 256, largest.exported, asBytes),
          atMost(`the same, started as in the images`, 256, largest.small, asBytes)
        ]
  }
}
