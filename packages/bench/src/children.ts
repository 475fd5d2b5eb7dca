/**
 * Programs that are measured from the outside.
 */
import * as Bin from "@hb-sessions/app-kit/Bin"
import * as Effect from "effect/Effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { PEAK_LINE, STATUS_FILE } from "./peakMemory.ts"
import type { Cost } from "./readOnce.ts"

const readOnceFile = fileURLToPath(new URL("./readOnce.ts", import.meta.url))
const exportByHandFile = fileURLToPath(new URL("./exportByHand.ts", import.meta.url))
const csvToParquetFile = fileURLToPath(new URL("./csvToParquet.ts", import.meta.url))
const cliBin = fileURLToPath(import.meta.resolve("@hb-sessions/cli/dist/bin.js"))
const exportBin = fileURLToPath(import.meta.resolve("@hb-sessions/export/dist/bin.js"))

interface Upstream {
  readonly url: string
  readonly apiKey: string
}

const environment = ({ apiKey, url }: Upstream): Bin.Env => ({
  HYPERBROWSER_API_KEY: apiKey,
  HYPERBROWSER_BASE_URL: url
})

const succeed = async (file: string, args: ReadonlyArray<string>, env: Bin.Env): Promise<Bin.Exited> => {
  const exited = await Effect.runPromise(Bin.run(file, args, env))
  if (exited.code !== 0) throw new Error(`${file} exited with ${exited.code}: ${exited.stderr}`)
  return exited
}

/** One read of the whole list by the stream of core. */
export const readOnce = async (upstream: Upstream, env: Bin.Env = {}): Promise<Cost> =>
  JSON.parse((await succeed(readOnceFile, [], { ...environment(upstream), ...env })).stdout)

const script = `process.on("exit", () => {
  const { maxRSS, systemCPUTime, userCPUTime } = process.resourceUsage()
  const { existsSync, readFileSync } = process.getBuiltinModule("node:fs")
  const status = existsSync("${STATUS_FILE}") ? readFileSync("${STATUS_FILE}", "latin1") : ""
  const peak = /${PEAK_LINE}/.exec(status)?.[1] ?? maxRSS
  process.stderr.write("cost=" + (userCPUTime + systemCPUTime) + " " + peak)
})`

/** Prints what the process cost at its end. NODE_OPTIONS would take quotes and spaces for its own. */
export const REPORT_COST = `--import=data:text/javascript,${encodeURIComponent(script)}`

/** What a process cost in all. */
export interface ProcessCost {
  /** Milliseconds from start to exit. */
  readonly wall: number
  /** Milliseconds of CPU time. */
  readonly cpu: number
  /** Highest resident set, in megabytes. */
  readonly peakMegabytes: number
}

/** What a process said of its CPU time and memory, by `REPORT_COST`. */
export const reportedCost = (stderr: string): Omit<ProcessCost, "wall"> => {
  const [, cpu, peak] = /cost=(\d+) (\d+)$/.exec(stderr) ?? []
  return { cpu: Number(cpu) / 1000, peakMegabytes: Number(peak) / 1024 }
}

const measured = async (file: string, args: ReadonlyArray<string>, env: Bin.Env): Promise<ProcessCost> => {
  const started = performance.now()
  const NODE_OPTIONS = [REPORT_COST, env["NODE_OPTIONS"] ?? ""].join(" ")
  const { stderr } = await succeed(file, args, { ...env, NODE_OPTIONS })
  return { wall: performance.now() - started, ...reportedCost(stderr) }
}

/** One export with these arguments. */
export const exportOnce = (upstream: Upstream, args: ReadonlyArray<string>, env: Bin.Env = {}): Promise<ProcessCost> =>
  measured(exportBin, ["run", ...args], { ...environment(upstream), ...env })

/** One read of the whole list by `hb-sessions stats`. */
export const statsOnce = (upstream: Upstream): Promise<ProcessCost> =>
  measured(cliBin, ["stats", "--page-size", "100", "--concurrency", "16"], environment(upstream))

/** One export to a file by hand. */
export const exportByHandOnce = (upstream: Upstream, file: string): Promise<ProcessCost> =>
  measured(exportByHandFile, [file], environment(upstream))

/** A CSV file as a Parquet file, by DuckDB. */
export const csvToParquetOnce = (from: string, to: string): Promise<ProcessCost> =>
  measured(csvToParquetFile, [from, to], {})

/** A directory that is removed after `use`. */
export const withDirectory = async <A>(use: (directory: string) => Promise<A>): Promise<A> => {
  const directory = mkdtempSync(join(tmpdir(), "hb-sessions-bench-"))
  try {
    return await use(directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
