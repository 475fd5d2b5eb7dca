/**
 * Runs the comparisons, prints their tables, and writes RESULTS.md when all of them ran.
 *
 * `npx -y pnpm@12 bench` runs all, `npx -y pnpm@12 bench csv sweep` some. `BENCH_ROUNDS` sets the rounds of each.
 */
import { readFileSync, writeFileSync } from "node:fs"
import { cpus } from "node:os"
import { csv } from "./csv.ts"
import { decode } from "./decode.ts"
import { drift } from "./drift.ts"
import { memory } from "./memory.ts"
import { type Section, toMarkdown } from "./Report.ts"
import { scale } from "./scale.ts"
import { startup } from "./startup.ts"
import { cpu, sweep } from "./sweep.ts"

const benches: Record<string, { readonly rounds: number; readonly run: (rounds: number) => Promise<Section> }> = {
  sweep: { rounds: 3, run: sweep },
  cpu: { rounds: 7, run: cpu },
  decode: { rounds: 15, run: decode },
  csv: { rounds: 5, run: csv },
  memory: { rounds: 1, run: memory },
  startup: { rounds: 15, run: startup },
  drift: { rounds: 20, run: drift },
  scale: { rounds: 1, run: scale }
}

const asked = process.argv.slice(2).filter((name) => name !== "--")
const unknown = asked.filter((name) => !(name in benches))
if (unknown.length > 0) {
  console.error(`bench: no bench named ${unknown.join(", ")}; there are ${Object.keys(benches).join(", ")}`)
  process.exit(2)
}

const names = asked.length === 0 ? Object.keys(benches) : asked
const sections: Array<string> = []
for (const name of names) {
  const bench = benches[name]
  if (bench === undefined) continue
  const rounds = Number(process.env["BENCH_ROUNDS"] ?? bench.rounds)
  const section = toMarkdown(await bench.run(rounds))
  console.log(section)
  sections.push(section)
}

if (asked.length === 0) {
  const file = new URL("../RESULTS.md", import.meta.url)
  const head = [
    "# Results",
    "",
    `Written by \`npx -y pnpm@12 bench\` on ${new Date().toISOString().slice(0, 10)} with Node ${process.versions.node} on ${cpus().length} cores.`,
    "Ratios are medians within one run; absolute numbers are of one noisy machine. [README.md](README.md) says how each is made.",
    ""
  ].join("\n")
  writeFileSync(file, `${head}\n${sections.join("\n")}`)
  console.log(`written: ${readFileSync(file).length} bytes to packages/bench/RESULTS.md`)
}
