/**
 * `scan`: a long list behind a network; `cpu`: the same without waiting.
 */
import { writeFileSync } from "node:fs"
import { barChart } from "./chart.ts"
import { compare } from "./Comparison.ts"
import { checkedByHand, forAwaitPager, handWritten, ours, type ReaderOptions, sdkLoop } from "./readers.ts"
import { atLeast, comparisonTable, ratioTo, type Section, significant, times } from "./Report.ts"
import { withUpstream } from "./upstream.ts"

/** Sessions of `cpu`: enough to outlast the compiler's warming up. */
const CPU_SESSIONS = 20_000

const CHECKED = "by hand with the checks of ours"

const sizeOf = (isQuick: boolean) => (isQuick ? 4000 : 20_000)

const PAGE_SIZE = 20

/** From a sampled profile of `cpu`, ours, after warming up. */
const CAUSE =
  "Of our CPU time a third is `JSON.parse`, a sixth undici and Node, and a tenth garbage collection, which the others need too; a fifth checks every value and keeps the table of ids that the proof rests on; a seventh is Effect's fibers, timeouts and metrics. The loop by hand with the same checks, which proves nothing, is the bound of what could be gained."

/** From the number of requests and the CPU time that `cpu` finds. */
const WAITING =
  "The proof takes two requests more, and one more of some 65 round trips, as it is asked for when all pages have come. A page also takes the client 0.2 ms of CPU time more, while one core makes all requests."

const OURS = "@hb-sessions/core"

const contestants = (options: ReaderOptions) =>
  [
    { name: `${OURS}, proven complete`, run: ours(options) },
    { name: "@hyperbrowser/sdk in a loop", run: sdkLoop(options) },
    { name: "`for await` pager over fetch", run: forAwaitPager(options) },
    { name: "undici by hand, 16 in flight, no checks", run: handWritten(options) },
    { name: `${OURS}, \`consistency: "fast"\``, run: ours({ ...options, consistency: "fast" }) }
  ] as const

export const scan = (rounds: number, isQuick: boolean): Promise<Section> => {
  const size = sizeOf(isQuick)
  return withUpstream(["--sessions", String(size), "--latency", "20ms"], async (upstream) => {
    const options = { ...upstream, pageSize: PAGE_SIZE, concurrency: 16 }
    // A long list is its own warming up.
    if (isQuick) for (const read of [ours(options), handWritten(options)]) await read()
    const results = await compare({
      contestants: contestants(options),
      rounds,
      warmups: 0
    })
    const [sdk, byHand] = [ratioTo(results, "@hyperbrowser/sdk"), ratioTo(results, "undici")]
    const bars = results.map(({ cost, name }) => ({
      name: name.replaceAll("`", ""),
      value: cost / 1000,
      isOurs: name.startsWith(OURS)
    }))
    const title = `Reading ${size.toLocaleString("en")} sessions, ${PAGE_SIZE} a page, 20 ms a page`
    if (!isQuick) writeFileSync(new URL("../scan.svg", import.meta.url), barChart({ title, unit: "s", bars }))
    return {
      name: "scan",
      work: `Read ${size.toLocaleString("en")} sessions, ${PAGE_SIZE} a page, from an upstream that takes 20 ms for each page; 16 pages in flight where a contestant can.`,
      tables: [comparisonTable(results, "ms")],
      claims: [
        atLeast("speed relative to the SDK's loop", 12, sdk),
        atLeast("speed relative to undici by hand, proof included", 0.9, byHand, { cause: WAITING })
      ]
    }
  })
}

export const cpu = (rounds: number): Promise<Section> =>
  withUpstream(["--sessions", String(CPU_SESSIONS)], async (upstream) => {
    const options = { ...upstream, pageSize: 100, concurrency: 16 }
    const all = [...contestants(options), { name: CHECKED, run: checkedByHand(options) }] as const
    const time = await compare({ contestants: all, rounds, measure: "wall", warmups: 2 })
    const work = await compare({ contestants: all, rounds, measure: "cpu", warmups: 0 })
    const byHand = ratioTo(work, "undici")
    const bound = byHand / ratioTo(work, CHECKED)
    return {
      name: "cpu",
      work: `Read ${CPU_SESSIONS.toLocaleString("en")} sessions, 100 a page, from an upstream that answers at once: what the client itself costs. CPU time is that of the client's process.`,
      tables: [
        {
          columns: ["contestant", "its CPU time ÷ ours", "ours is as fast", "CPU µs a session"],
          rows: work.map(({ cost, name, ratio }, index) => [
            name,
            index === 0 ? "" : times(ratio),
            index === 0 ? "" : times(time[index]?.ratio ?? Number.NaN),
            significant((cost * 1000) / CPU_SESSIONS)
          ])
        }
      ],
      claims: [
        atLeast("CPU time of the SDK's loop ÷ ours", 0.85, ratioTo(work, "@hyperbrowser/sdk"), { cause: CAUSE }),
        atLeast("CPU time of undici by hand ÷ ours, proof included", 0.8, byHand, {
          cause: `${CAUSE} It reaches ${times(bound)} itself.`
        }),
        atLeast("throughput relative to undici by hand", 0.9, ratioTo(time, "undici"), { cause: CAUSE })
      ]
    }
  })
