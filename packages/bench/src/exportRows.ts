/**
 * `export`: the whole program beside a loop by hand that fetches, parses and appends.
 */
import { statSync } from "node:fs"
import { join } from "node:path"
import { exportByHandOnce, exportOnce, type ProcessCost, withDirectory } from "./children.ts"
import { rank } from "./Comparison.ts"
import { atLeast, type Section, significant, times } from "./Report.ts"
import { withUpstream } from "./upstream.ts"

/** From a sampled profile of an export of 200,000 sessions. */
const CAUSE =
  "Of ours an eighth is `JSON.parse`, a sixth formats the rows and a twelfth collects garbage, which the loop needs too. A fifth is what a run rests on that can be resumed and verified: digests of rows and files, the journal, and the places of the rows. A tenth checks values and keeps the table of ids for the proof, and a twelfth is Effect's fibers and streams."

const NAMES = ["`hb-sessions-export run`, proven complete", "undici by hand, 16 in flight, rows appended to a file"]

export const exportRows = (rounds: number, isQuick: boolean): Promise<Section> => {
  const size = isQuick ? 50_000 : 200_000
  return withUpstream(["--sessions", String(size), "--page-size", "100"], (upstream) =>
    withDirectory(async (directory) => {
      const ours: Array<ProcessCost> = []
      const byHand: Array<ProcessCost> = []
      for (let round = 0; round < rounds; round++) {
        const [out, file] = [join(directory, String(round)), join(directory, `${round}.csv`)]
        ours.push(await exportOnce(upstream, ["--out", out, "--page-size", "100", "--concurrency", "16"]))
        byHand.push(await exportByHandOnce(upstream, file))
        const [bytes, expected] = [statSync(join(out, "sessions.csv")).size, statSync(file).size]
        if (bytes !== expected) throw new Error(`ours has ${bytes} bytes, the file by hand ${expected}`)
      }
      const ranked = (key: keyof ProcessCost) =>
        rank(
          NAMES,
          [ours, byHand].map((costs) => costs.map((cost) => cost[key]))
        )
      const [wall, cpu, peak] = [ranked("wall"), ranked("cpu"), ranked("peakMegabytes")]
      return {
        name: "export",
        work: `Export ${size.toLocaleString("en")} sessions to CSV, 100 a page, 16 pages in flight, from an upstream without latency; each in a process of its own, from start to exit.`,
        tables: [
          {
            columns: ["contestant", "ours is as fast", "range", "rows/s", "its CPU time ÷ ours", "CPU s", "peak"],
            rows: wall.map(({ cost, highest, lowest, name, ratio }, index) => [
              name,
              index === 0 ? "" : times(ratio),
              index === 0 ? "" : `${times(lowest)} – ${times(highest)}`,
              significant((1000 * size) / cost),
              index === 0 ? "" : times(cpu[index]?.ratio ?? Number.NaN),
              significant((cpu[index]?.cost ?? Number.NaN) / 1000),
              `${peak[index]?.cost.toFixed(0)} MB`
            ])
          }
        ],
        claims: [
          atLeast("rows a second relative to a loop by hand", 0.85, wall[1]?.ratio ?? Number.NaN, { cause: CAUSE })
        ],
        notes: ["By hand, rows are in the order in which pages came; in ours, in that of the list."]
      }
    })
  )
}
