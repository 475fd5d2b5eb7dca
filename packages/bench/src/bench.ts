/**
 * Runs the comparisons, prints their tables, and writes RESULTS.md when all of them ran.
 *
 * `npx -y pnpm@12 bench` runs all, `npx -y pnpm@12 bench csv scan` some. `--quick` runs them with fewer rounds and
 * shorter lists, and writes nothing. `BENCH_ROUNDS` sets the rounds of each.
 */
import { writeFileSync } from "node:fs"
import { cpus } from "node:os"
import { parseArgs } from "node:util"
import { cpu } from "./cpu.ts"
import { csv } from "./csv.ts"
import { decode } from "./decode.ts"
import { drift } from "./drift.ts"
import { exportRows } from "./exportRows.ts"
import { fleet } from "./fleet.ts"
import { growth } from "./growth.ts"
import { instructions } from "./instructions.ts"
import { memory } from "./memory.ts"
import { neighbour } from "./neighbour.ts"
import { parquet } from "./parquet.ts"
import { proxy } from "./proxy.ts"
import { type Section, sectionText, summaryText } from "./Report.ts"
import { scale } from "./scale.ts"
import { startup } from "./startup.ts"
import { scan } from "./scan.ts"
import { short } from "./short.ts"
import { store } from "./store.ts"

interface Bench {
  readonly rounds: number
  /** Rounds with `--quick`. */
  readonly quick: number
  readonly run: (rounds: number, isQuick: boolean) => Promise<Section>
}

const benches: Readonly<Record<string, Bench>> = {
  scan: { rounds: 3, quick: 1, run: scan },
  short: { rounds: 7, quick: 2, run: short },
  cpu: { rounds: 7, quick: 1, run: cpu },
  instructions: { rounds: 1, quick: 1, run: instructions },
  decode: { rounds: 15, quick: 2, run: decode },
  csv: { rounds: 2, quick: 2, run: csv },
  export: { rounds: 5, quick: 2, run: exportRows },
  parquet: { rounds: 3, quick: 1, run: parquet },
  store: { rounds: 3, quick: 1, run: store },
  memory: { rounds: 3, quick: 1, run: memory },
  fleet: { rounds: 1, quick: 1, run: fleet },
  growth: { rounds: 8, quick: 2, run: growth },
  startup: { rounds: 11, quick: 3, run: startup },
  proxy: { rounds: 5, quick: 1, run: proxy },
  neighbour: { rounds: 5, quick: 1, run: neighbour },
  drift: { rounds: 20, quick: 3, run: drift },
  scale: { rounds: 1, quick: 1, run: scale }
}

const { positionals, values } = parseArgs({
  args: process.argv.slice(2).filter((name) => name !== "--"),
  options: { quick: { type: "boolean", default: false } },
  allowPositionals: true
})
const isQuick = values.quick
const asked = positionals
const unknown = asked.filter((name) => !(name in benches))
if (unknown.length > 0) {
  console.error(`bench: no bench named ${unknown.join(", ")}; there are ${Object.keys(benches).join(", ")}`)
  process.exit(2)
}

const setting = process.env["BENCH_ROUNDS"]
const sections: Array<Section> = []
const minutes: Array<string> = []
for (const name of asked.length === 0 ? Object.keys(benches) : asked) {
  const bench = benches[name]
  if (bench === undefined) continue
  const started = performance.now()
  const section = await bench.run(
    setting === undefined ? (isQuick ? bench.quick : bench.rounds) : Number(setting),
    isQuick
  )
  sections.push(section)
  minutes.push(`${name} ${((performance.now() - started) / 60_000).toFixed(1)}`)
  console.log(sectionText(section))
}

const title = isQuick
  ? "Summary of a quick run: few rounds and short lists, so a target may be missed for that"
  : "Summary"
console.log(`## ${title}\n\n${summaryText(sections)}\nMinutes: ${minutes.join(", ")}`)

if (asked.length === 0 && !isQuick) {
  const command = `${setting === undefined ? "" : `BENCH_ROUNDS=${setting} `}npx -y pnpm@12 bench`
  const text = [
    "# Results",
    "",
    `Written by \`${command}\` on ${new Date().toISOString().slice(0, 10)} with Node ${process.versions.node} on ${cpus().length} cores of a shared machine. Ratios are medians of contestants that took turns; absolute numbers are for scale. [README.md](README.md) says how each is made.`,
    "",
    summaryText(sections),
    ...sections.map(sectionText),
    `Minutes: ${minutes.join(", ")}.`,
    ""
  ].join("\n")
  writeFileSync(new URL("../RESULTS.md", import.meta.url), text)
  console.log("written: packages/bench/RESULTS.md")
}
