/**
 * Programs that are measured from the outside.
 */
import * as Bin from "@hb-sessions/app-kit/Bin"
import * as Effect from "effect/Effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Cost } from "./readOnce.ts"

const readOnceFile = fileURLToPath(new URL("./readOnce.ts", import.meta.url))
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
export const readOnce = async (upstream: Upstream): Promise<Cost> =>
  JSON.parse((await succeed(readOnceFile, [], environment(upstream))).stdout)

const script = `process.on("exit", () => process.stderr.write("peak=" + process.resourceUsage().maxRSS))`

// NODE_OPTIONS would take quotes and spaces for its own.
const REPORT_PEAK = `data:text/javascript,${encodeURIComponent(script)}`

/** One export with these arguments. */
export const exportOnce = (upstream: Upstream, args: ReadonlyArray<string>): Promise<Bin.Exited> =>
  succeed(exportBin, ["run", ...args], environment(upstream))

/** The highest resident set of one export to CSV, in megabytes. */
export const exportPeakMegabytes = async (upstream: Upstream): Promise<number> => {
  const out = mkdtempSync(join(tmpdir(), "hb-sessions-bench-"))
  try {
    const env = { ...environment(upstream), NODE_OPTIONS: `--import=${REPORT_PEAK}` }
    const { stderr } = await succeed(exportBin, ["run", "--out", out], env)
    return Number(/peak=(\d+)/.exec(stderr)?.[1]) / 1024
  } finally {
    rmSync(out, { recursive: true })
  }
}
