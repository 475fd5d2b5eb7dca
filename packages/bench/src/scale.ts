/**
 * `scale`: cost against the length of the list.
 */
import { writeFileSync } from "node:fs"
import { readOnce } from "./children.ts"
import { lineChart } from "./chart.ts"
import { atMost, type Section, significant } from "./Report.ts"
import type { Cost } from "./readOnce.ts"
import { withUpstream } from "./upstream.ts"

const SIZES = [100, 1000, 10_000, 100_000]

const LONGEST = 1_000_000

/** The slope of a straight line through the logarithms: 1 for a cost that is linear. */
const exponent = (points: ReadonlyArray<readonly [x: number, y: number]>): number => {
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y)] as const)
  const mean = (index: 0 | 1) => logs.reduce((sum, point) => sum + point[index], 0) / logs.length
  const [meanX, meanY] = [mean(0), mean(1)]
  const covariance = logs.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0)
  return covariance / logs.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0)
}

/** What a list of any length would take if every session took as long as in the longest. */
const linear = (costs: ReadonlyArray<Cost>): ReadonlyArray<readonly [number, number]> => {
  const longest = costs.at(-1)
  return longest === undefined
    ? []
    : costs.map(({ sessions }) => [sessions, (longest.seconds * sessions) / longest.sessions] as const)
}

const chartOf = (costs: ReadonlyArray<Cost>): string =>
  lineChart({
    title: "Reading the whole list, proven complete",
    x: "sessions",
    y: "seconds",
    series: [
      { name: "wall time", points: costs.map((cost) => [cost.sessions, cost.seconds]) },
      { name: "CPU time", points: costs.map((cost) => [cost.sessions, cost.cpuSeconds]) },
      { name: "linear", points: linear(costs), isReference: true }
    ]
  })

export const scale = async (_rounds: number, isQuick: boolean): Promise<Section> => {
  const costs: Array<Cost> = []
  for (const size of isQuick ? SIZES : [...SIZES, LONGEST]) {
    costs.push(await withUpstream(["--sessions", String(size), "--page-size", "100"], readOnce))
  }
  // Starting a process costs the same for every list, and would flatten the line.
  const base = costs[0]
  const longer = costs.slice(2)
  const fit = (value: (cost: Cost) => number) =>
    exponent(
      longer.map((cost) => [cost.sessions, Math.max(1e-6, value(cost) - (base === undefined ? 0 : value(base)))])
    )
  const requests = exponent(longer.map((cost) => [cost.sessions, cost.requests]))
  const cpu = fit(({ cpuSeconds }) => cpuSeconds)
  const seconds = fit(({ seconds: value }) => value)
  if (!isQuick) writeFileSync(new URL("../scale.svg", import.meta.url), chartOf(costs))
  return {
    name: "scale",
    work: "Read lists of growing length, 100 a page, 16 pages in flight, from an upstream without latency; each in a process of its own.",
    tables: [
      {
        columns: ["sessions", "requests", "proven", "seconds", "CPU seconds", "peak"],
        rows: costs.map((cost) => [
          cost.sessions.toLocaleString("en"),
          cost.requests.toLocaleString("en"),
          cost.proven ? "yes" : "no",
          significant(cost.seconds),
          significant(cost.cpuSeconds),
          `${cost.peakMegabytes.toFixed(0)} MB`
        ])
      }
    ],
    claims: [
      atMost("exponent of requests over length", 1.05, requests, { unit: "" }),
      atMost("exponent of wall time over length", 1.05, seconds, { unit: "" }),
      atMost("exponent of CPU time over length", 1.05, cpu, { unit: "" })
    ],
    notes: [
      "Exponents are fitted from 10,000 sessions on, less the cost of the shortest list, which is that of starting. CPU time counts from the start of the process, wall time from the first request. `scale.svg` shows both."
    ]
  }
}
