/**
 * `sweep`: a long list behind a network; `cpu`: the same without waiting.
 */
import { writeFileSync } from "node:fs"
import { barChart } from "./chart.ts"
import { compare, type Result } from "./Comparison.ts"
import { forAwaitPager, handWritten, ours, type ReaderOptions, sdkLoop } from "./readers.ts"
import { comparisonTable, type Section, target } from "./Report.ts"
import { withUpstream } from "./upstream.ts"

const SESSIONS = 20_000

const contestants = (options: ReaderOptions) =>
  [
    { name: "@hb-sessions/core, proven complete", run: ours(options) },
    { name: "@hyperbrowser/sdk in a loop", run: sdkLoop(options) },
    { name: "`for await` pager over fetch", run: forAwaitPager(options) },
    { name: "undici by hand, 16 in flight, no checks", run: handWritten(options) },
    { name: '@hb-sessions/core, `consistency: "fast"`', run: ours({ ...options, consistency: "fast" }) }
  ] as const

const ratioTo = (results: ReadonlyArray<Result>, name: string): number =>
  results.find((result) => result.name.startsWith(name))?.ratio ?? Number.NaN

export const sweep = (rounds: number): Promise<Section> =>
  withUpstream(["--sessions", String(SESSIONS), "--latency", "20ms"], async (upstream) => {
    const results = await compare({
      contestants: contestants({ ...upstream, pageSize: 10, concurrency: 16 }),
      rounds,
      warmups: 0
    })
    const [sdk, byHand] = [ratioTo(results, "@hyperbrowser/sdk"), ratioTo(results, "undici")]
    const bars = results.map(({ cost, name }) => ({ name: name.replaceAll("`", ""), value: cost / 1000 }))
    const title = `Reading ${SESSIONS.toLocaleString("en")} sessions, 10 a page, 20 ms a page`
    writeFileSync(new URL("../sweep.svg", import.meta.url), barChart({ title, unit: "s", bars }))
    return {
      name: "sweep",
      work: `Read ${SESSIONS.toLocaleString("en")} sessions, 10 a page, from an upstream that takes 20 ms for each page; 16 pages in flight where a contestant can.`,
      table: comparisonTable(results, "ms"),
      notes: [
        target("at least 12 times as fast as the SDK's loop", sdk, sdk >= 12),
        target("at least 0.9 times as fast as undici by hand", byHand, byHand >= 0.9)
      ]
    }
  })

export const cpu = (rounds: number): Promise<Section> =>
  withUpstream(["--sessions", String(SESSIONS)], async (upstream) => {
    const options = { ...upstream, pageSize: 100, concurrency: 16 }
    const time = await compare({ contestants: contestants(options), rounds, measure: "wall", warmups: 2 })
    const work = await compare({ contestants: contestants(options), rounds, measure: "cpu", warmups: 0 })
    const [sdk, byHand] = [ratioTo(work, "@hyperbrowser/sdk"), ratioTo(time, "undici")]
    return {
      name: "cpu",
      work: `The same list, 100 a page, from an upstream that answers at once: what the client itself costs. CPU time is that of the client's process.`,
      table: {
        columns: ["contestant", "ours needs CPU", "ours is as fast", "CPU µs a session"],
        rows: work.map(({ cost, name, ratio }, index) => [
          name,
          index === 0 ? "" : `1/${ratio.toFixed(2)}`,
          index === 0 ? "" : `${(time[index]?.ratio ?? Number.NaN).toFixed(2)}×`,
          ((cost * 1000) / SESSIONS).toPrecision(3)
        ])
      },
      notes: [
        target("less CPU time for a session than the SDK's loop (its CPU ÷ ours above 1)", sdk, sdk > 1),
        target("at least 0.7 times the throughput of undici by hand", byHand, byHand >= 0.7)
      ]
    }
  })
