/**
 * `drift`: what is lost, and what it costs not to lose it, when the list changes while it is read.
 */
import { type ChurnRates } from "@hb-sessions/simulator/Churn"
import { startSimulator } from "@hb-sessions/simulator/Simulator"
import type { SimulatorOptions } from "@hb-sessions/simulator/Simulator"
import { forAwaitIds, oursIds, sdkIds } from "./idReaders.ts"
import { type Section, target } from "./Report.ts"

const SESSIONS = 500
const PAGE_SIZE = 10

const lists: ReadonlyArray<{
  readonly name: string
  readonly status?: string
  readonly options: SimulatorOptions
  readonly churn: ChurnRates
}> = [
  { name: "quiet", options: {}, churn: {} },
  { name: "one new session per 20 answers", options: {}, churn: { start: 0.05 } },
  {
    name: "`status=active`, 2 changes per 100 answers",
    status: "active",
    options: { activeShare: 0.6 },
    churn: { start: 0.01, end: 0.01 }
  },
  {
    name: "`status=active`, 10 changes per 100 answers",
    status: "active",
    options: { activeShare: 0.6 },
    churn: { start: 0.05, end: 0.05 }
  },
  {
    name: "newest change first, 10 changes per 100 answers",
    options: { order: "updated-desc" },
    churn: { update: 0.1 }
  }
]

const readers = [
  { name: "ours, verified", read: oursIds },
  { name: "`for await` pager", read: forAwaitIds },
  { name: "SDK in a loop", read: sdkIds }
]

export const drift = async (rounds: number): Promise<Section> => {
  const rows: Array<ReadonlyArray<string>> = []
  let lostByOurs = 0
  for (const list of lists) {
    for (const { name, read } of readers) {
      let [lost, requests, pages, proven] = [0, 0, 0, 0]
      for (let round = 0; round < rounds; round++) {
        const simulator = await startSimulator({
          seed: `drift-${round}`,
          sessions: SESSIONS,
          pageSize: PAGE_SIZE,
          churn: list.churn,
          ...list.options
        })
        const before = simulator.world.ids(list.status)
        const result = await read({ ...simulator, ...(list.status === undefined ? {} : { status: list.status }) })
        const after = new Set(simulator.world.ids(list.status))
        lost += [...before].filter((id) => after.has(id) && !result.ids.has(id)).length
        requests += Object.values((await simulator.stats()).byPage).reduce((sum, count) => sum + count, 0)
        pages += Math.ceil(before.length / PAGE_SIZE)
        if (result.proven) proven++
        await simulator.stop()
      }
      if (read === oursIds) lostByOurs += lost
      const share = read === oursIds ? `${Math.round((100 * proven) / rounds)} %` : "–"
      rows.push([list.name, name, String(lost), (requests / pages).toFixed(2), share])
    }
  }
  return {
    name: "drift",
    work: `Read ${SESSIONS} sessions, ${PAGE_SIZE} a page, while the list changes; ${rounds} lists a line. Lost are sessions that were in the list before and after the read, and were not read.`,
    table: { columns: ["list", "reader", "lost", "requests a page", "proven complete"], rows },
    notes: [target("nothing lost by ours", lostByOurs, lostByOurs === 0)]
  }
}
