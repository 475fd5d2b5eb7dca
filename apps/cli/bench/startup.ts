/**
 * How long commands take to start, as ratios to `node -e 0` in the same run.
 *
 * Run with `node bench/startup.ts` after a build.
 */
import { startSimulator } from "@hb-sessions/simulator/Simulator"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"

const ROUNDS = 25

const bin = fileURLToPath(new URL("../dist/bin.js", import.meta.url))

const cases: Readonly<Record<string, ReadonlyArray<string>>> = {
  "node -e 0": ["-e", "0"],
  "--version": [bin, "--version"],
  "--help": [bin, "--help"],
  "list --limit 1": [bin, "list", "--limit", "1"]
}

const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN

const simulator = await startSimulator({ sessions: 100 })
const env = {
  PATH: process.env["PATH"],
  HOME: process.env["HOME"],
  HYPERBROWSER_API_KEY: simulator.apiKey,
  HYPERBROWSER_BASE_URL: simulator.url
}

const times = new Map<string, Array<number>>()
// The cases take turns, so that a busy moment of the machine slows all of them; the first round fills the caches.
for (let round = 0; round <= ROUNDS; round++) {
  for (const [name, args] of Object.entries(cases)) {
    const start = performance.now()
    // oxlint-disable-next-line no-await-in-loop -- one process at a time
    const [code] = await once(spawn(process.execPath, args, { env, stdio: "ignore" }), "exit")
    if (code !== 0) throw new Error(`${name} exits with ${String(code)}`)
    if (round > 0) times.set(name, [...(times.get(name) ?? []), performance.now() - start])
  }
}
await simulator.stop()

const base = median(times.get("node -e 0") ?? [])
for (const [name, values] of times) {
  const time = median(values)
  process.stdout.write(`${name.padEnd(16)} ${(time / base).toFixed(2)}× node  (${time.toFixed(0)} ms)\n`)
}
