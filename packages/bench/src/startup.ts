/**
 * `startup`: how long a person waits for the terminal.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { compare } from "./Comparison.ts"
import { comparisonTable, type Section, target } from "./Report.ts"
import { withUpstream } from "./upstream.ts"

const cli = fileURLToPath(import.meta.resolve("@hb-sessions/cli/dist/bin.js"))
const sdkScript = fileURLToPath(new URL("./sdkScript.ts", import.meta.url))

export const startup = (rounds: number): Promise<Section> =>
  withUpstream(["--sessions", "1000"], async ({ apiKey, url }) => {
    const run = (args: ReadonlyArray<string>) => async () => {
      const child = spawn(process.execPath, args, {
        env: {
          PATH: process.env["PATH"] ?? "",
          HOME: process.env["HOME"] ?? "",
          HYPERBROWSER_API_KEY: apiKey,
          HYPERBROWSER_BASE_URL: url
        },
        stdio: "ignore"
      })
      const [code] = await once(child, "close")
      return code as number
    }
    const results = await compare({
      rounds,
      warmups: 3,
      contestants: [
        { name: "bare Node (`node -e 0`)", run: run(["-e", "0"]) },
        { name: "`hb-sessions --version`", run: run([cli, "--version"]) },
        { name: "`hb-sessions --help`", run: run([cli, "--help"]) },
        { name: "`hb-sessions list --limit 1`", run: run([cli, "list", "--limit", "1"]) },
        { name: "a script that lists one page with @hyperbrowser/sdk", run: run([sdkScript]) }
      ]
    })
    const ratio = (index: number) => results[index]?.ratio ?? Number.NaN
    const table = comparisonTable(results, "ms")
    return {
      name: "startup",
      work: "Start a process, do one thing, exit; wall time relative to bare Node.",
      table: { ...table, columns: ["process", "times bare Node", "range", "ms"] },
      notes: [
        target("`--version` at most 1.6 times bare Node", ratio(1), ratio(1) <= 1.6),
        target("`--help` at most 3.5 times bare Node", ratio(2), ratio(2) <= 3.5),
        target(
          "`list --limit 1` faster than the script with the SDK (its time ÷ ours)",
          ratio(4) / ratio(3),
          ratio(4) > ratio(3)
        )
      ]
    }
  })
