/**
 * `scale`: cost against the length of the list.
 */
import { writeFileSync } from "node:fs"
import { readOnce } from "./children.ts"
import { lineChart } from "./chart.ts"
import { type Section, target } from "./Report.ts"
import type { Cost } from "./readOnce.ts"
import { withUpstream } from "./upstream.ts"

const SIZES = [100, 1000, 10_000, 100_000, 1_000_000]

/** The slope of a straight line through the logarithms: 1 for a cost that is linear. */
const exponent = (points: ReadonlyArray<readonly [x: number, y: number]>): number => {
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y)] as const)
  const mean = (index: 0 | 1) => logs.reduce((sum, point) => sum + point[index], 0) / logs.length
  const [meanX, meanY] = [mean(0), mean(1)]
  const covariance = logs.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0)
  return covariance / logs.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0)
}

export const scale = async (): Promise<Section> => {
  const costs: Array<Cost> = []
  for (const size of SIZES) {
    costs.push(await withUpstream(["--sessions", String(size), "--page-size", "100"], readOnce))
  }
  // Starting a process costs the same for every list, and would flatten the line.
  const base = costs[0]
  const above = costs.slice(2)
  const fit = (value: (cost: Cost) => number) =>
    exponent(above.map((cost) => [cost.sessions, Math.max(1e-6, value(cost) - (base === undefined ? 0 : value(base)))]))
  const cpu = fit(({ cpuSeconds }) => cpuSeconds)
  const seconds = fit(({ seconds: value }) => value)
  writeFileSync(
    new URL("../scale.svg", import.meta.url),
    lineChart({
      title: "Reading the whole list, proven complete",
      x: "sessions",
      y: "seconds",
      series: [
        { name: "wall time", points: costs.map((cost) => [cost.sessions, cost.seconds]) },
        { name: "CPU time", points: costs.map((cost) => [cost.sessions, cost.cpuSeconds]) }
      ]
    })
  )
  return {
    name: "scale",
    work: "Read lists of growing length, 100 a page, 16 pages in flight, from an upstream without latency; each in a process of its own.",
    table: {
      columns: ["sessions", "requests", "proven", "seconds", "CPU seconds", "peak"],
      rows: costs.map((cost) => [
        cost.sessions.toLocaleString("en"),
        cost.requests.toLocaleString("en"),
        cost.proven ? "yes" : "no",
        cost.seconds.toPrecision(3),
        cost.cpuSeconds.toPrecision(3),
        `${cost.peakMegabytes.toFixed(0)} MB`
      ])
    },
    notes: [
      target("CPU time no worse than linear: exponent at most 1.05", cpu, cpu <= 1.05),
      target("wall time no worse than linear: exponent at most 1.05", seconds, seconds <= 1.05),
      "Exponents are fitted from 10,000 sessions on, less the cost of the shortest list, which is that of starting. `scale.svg` shows the times."
    ]
  }
}
