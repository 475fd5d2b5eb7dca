/**
 * `parquet`: an export to Parquet, beside an export to CSV that DuckDB turns into Parquet.
 */
import { DuckDBInstance } from "@duckdb/node-api"
import { mkdirSync, statSync } from "node:fs"
import { join } from "node:path"
import { csvToParquetOnce, exportOnce, type ProcessCost, withDirectory } from "./children.ts"
import { rank } from "./Comparison.ts"
import { above, atMost, type Section, significant, times } from "./Report.ts"
import { withUpstream } from "./upstream.ts"

/** From a sampled profile of an export of 100,000 sessions. */
const CAUSE =
  "A third of our CPU time makes the file, in JavaScript and on one thread: until a group of rows is full its cells are lines of JSON on the disk, so that a run can be resumed; these are parsed and become columns. DuckDB does that in native code on all cores."

const NAMES = ["`run --format parquet`", "`run`, then DuckDB's `COPY … TO … (FORMAT parquet, COMPRESSION zstd)`"]

export const parquet = (rounds: number, isQuick: boolean): Promise<Section> => {
  const size = isQuick ? 50_000 : 200_000
  return withUpstream(["--sessions", String(size), "--page-size", "100"], (upstream) =>
    withDirectory(async (directory) => {
      const pace = ["--page-size", "100", "--concurrency", "16"]
      const ours: Array<ProcessCost> = []
      const theirs: Array<ProcessCost> = []
      let bytes = [0, 0]
      for (let round = 0; round < rounds; round++) {
        const at = join(directory, String(round))
        mkdirSync(at)
        const files = [join(at, "ours", "sessions.parquet"), join(at, "duckdb.parquet")] as const
        ours.push(await exportOnce(upstream, ["--out", join(at, "ours"), "--format", "parquet", ...pace]))
        const csv = await exportOnce(upstream, ["--out", join(at, "csv"), ...pace])
        theirs.push(sum(csv, await csvToParquetOnce(join(at, "csv", "sessions.csv"), files[1])))
        if (round === 0) await checkAlike(...files)
        bytes = files.map((file) => statSync(file).size)
      }
      const ranked = (key: "wall" | "cpu") =>
        rank(
          NAMES,
          [ours, theirs].map((costs) => costs.map((cost) => cost[key]))
        )
      const [wall, cpu] = [ranked("wall"), ranked("cpu")]
      const [ourBytes = 0, theirBytes = 0] = bytes
      return {
        name: "parquet",
        work: `Export ${size.toLocaleString("en")} sessions to one Parquet file, 100 a page, 16 pages in flight, from an upstream without latency; each from the start of a process to the exit of the last.`,
        tables: [
          {
            columns: ["contestant", "ours is as fast", "range", "s", "its CPU time ÷ ours", "CPU s", "bytes a session"],
            rows: wall.map(({ cost, highest, lowest, name, ratio }, index) => [
              name,
              index === 0 ? "" : times(ratio),
              index === 0 ? "" : `${times(lowest)} – ${times(highest)}`,
              significant(cost / 1000),
              index === 0 ? "" : times(cpu[index]?.ratio ?? Number.NaN),
              significant((cpu[index]?.cost ?? Number.NaN) / 1000),
              significant((bytes[index] ?? Number.NaN) / size)
            ])
          }
        ],
        claims: [
          above("speed relative to an export to CSV and DuckDB", 1, wall[1]?.ratio ?? Number.NaN, { cause: CAUSE }),
          atMost("size of the file ÷ that of DuckDB's", 1.05, ourBytes / theirBytes)
        ],
        notes: ["DuckDB finds in both files the same rows. Ours has one column more, of what no other column holds."]
      }
    })
  )
}

const sum = (a: ProcessCost, b: ProcessCost): ProcessCost => ({
  wall: a.wall + b.wall,
  cpu: a.cpu + b.cpu,
  peakMegabytes: Math.max(a.peakMegabytes, b.peakMegabytes)
})

/** Fails unless both files hold the same rows. */
const checkAlike = async (ours: string, theirs: string): Promise<void> => {
  const instance = await DuckDBInstance.create(":memory:")
  const connection = await instance.connect()
  const a = `SELECT * EXCLUDE (_rescued_data) FROM '${ours}'`
  const b = `SELECT * FROM '${theirs}'`
  const reader = await connection.runAndReadAll(
    `SELECT (SELECT count(*) FROM (${a} EXCEPT ALL ${b})) + (SELECT count(*) FROM (${b} EXCEPT ALL ${a}))`
  )
  const different = Number(reader.getRowsJS()[0]?.[0])
  instance.closeSync()
  if (different !== 0) throw new Error(`DuckDB finds ${different} rows that are in one of the files only`)
}
