/**
 * `scan`: a long list behind a network.
 */
import { writeFileSync } from "node:fs"
import { barChart } from "./chart.ts"
import { compare } from "./Comparison.ts"
import { forAwaitPager, handWritten, ours, type ReaderOptions, sdkLoop } from "./readers.ts"
import { atLeast, comparisonTable, ratioTo, type Section } from "./Report.ts"
import { withUpstream } from "./upstream.ts"

const sizeOf = (isQuick: boolean) => (isQuick ? 4000 : 20_000)

const PAGE_SIZE = 20

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
