/**
 * Runs the comparisons, prints their tables, and writes RESULTS.md when all of them ran.
 *
 * `npx -y pnpm@12 bench` runs all, `npx -y pnpm@12 bench csv scan` some. `BENCH_ROUNDS` sets the rounds of each.
 */
import { writeFileSync } from "node:fs"
import { cpus } from "node:os"
import { csv } from "./csv.ts"
import { decode } from "./decode.ts"
import { drift } from "./drift.ts"
import { fleet } from "./fleet.ts"
import { growth } from "./growth.ts"
import { memory } from "./memory.ts"
import { neighbour } from "./neighbour.ts"
import { proxy } from "./proxy.ts"
import { type Section, sectionText, summaryText } from "./Report.ts"
import { scale } from "./scale.ts"
import { startup } from "./startup.ts"
import { cpu, scan } from "./scan.ts"

const benches: Record<string, { readonly rounds: number; readonly run: (rounds: number) => Promise<Section> }> = {
  scan: { rounds: 3, run: scan },
  cpu: { rounds: 15, run: cpu },
  decode: { rounds: 15, run: decode },
  csv: { rounds: 3, run: csv },
  memory: { rounds: 1, run: memory },
  fleet: { rounds: 1, run: fleet },
  growth: { rounds: 10, run: growth },
  startup: { rounds: 11, run: startup },
  proxy: { rounds: 5, run: proxy },
  neighbour: { rounds: 5, run: neighbour },
  drift: { rounds: 20, run: drift },
  scale: { rounds: 1, run: scale }
}

const asked = process.argv.slice(2).filter((name) => name !== "--")
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
  const section = await bench.run(setting === undefined ? bench.rounds : Number(setting))
  sections.push(section)
  minutes.push(`${name} ${((performance.now() - started) / 60_000).toFixed(1)}`)
  console.log(sectionText(section))
}

console.log(`## Summary\n\n${summaryText(sections)}\nMinutes: ${minutes.join(", ")}`)

if (asked.length === 0) {
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
