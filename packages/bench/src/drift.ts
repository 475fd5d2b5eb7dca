/**
 * `drift`: what is lost, and what it costs not to lose it, when the list changes while it is read.
 */
import type { ChurnRates } from "@hb-sessions/simulator/Churn"
import { startSimulator } from "@hb-sessions/simulator/Simulator"
import type { SimulatorOptions } from "@hb-sessions/simulator/Simulator"
import { forAwaitIds, type IdReader, oursIds, sdkIds } from "./idReaders.ts"
import { atMost, type Claim, type Section } from "./Report.ts"

const SESSIONS = 500
const PAGE_SIZE = 10

interface List {
  readonly name: string
  readonly status?: string
  readonly options: SimulatorOptions
  readonly churn: ChurnRates
  /** Requests a page that a verified read may cost. */
  readonly most?: number
}

/** Beside a page for each page: the last page again, and a probe. */
const QUIET_EXTRA = 2

const newestChange: SimulatorOptions = { order: "updated-desc" }
const active = { status: "active", options: { activeShare: 0.6 } }

const lists: ReadonlyArray<List> = [
  { name: "quiet", options: {}, churn: {}, most: 1 + QUIET_EXTRA / (SESSIONS / PAGE_SIZE) },
  { name: "one new session per 20 answers", options: {}, churn: { start: 0.05 }, most: 1.25 },
  { name: "`status=active`, quiet", ...active, churn: {}, most: 2.2 },
  { name: "`status=active`, 2 changes per 100 answers", ...active, churn: { start: 0.01, end: 0.01 }, most: 4 },
  { name: "`status=active`, 10 changes per 100 answers", ...active, churn: { start: 0.05, end: 0.05 } },
  { name: "newest change first, 2 changes per 100 answers", options: newestChange, churn: { update: 0.02 }, most: 4 },
  { name: "newest change first, 10 changes per 100 answers", options: newestChange, churn: { update: 0.1 } }
]

const readers = [
  { name: "ours, verified", read: oursIds("verified") },
  { name: "ours, fast", read: oursIds("fast") },
  { name: "`for await` pager", read: forAwaitIds },
  { name: "SDK in a loop", read: sdkIds }
]

/** What one reader made of so many lists. */
interface Outcome {
  /** Sessions that were in the list before and after, and were not read. */
  readonly lost: number
  readonly proven: number
  readonly requestsPerPage: number
}

const outcome = async (list: List, read: IdReader, rounds: number): Promise<Outcome> => {
  const filter = list.status === undefined ? {} : { status: list.status }
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
    const result = await read({ ...simulator, ...filter })
    const after = new Set(simulator.world.ids(list.status))
    lost += [...before].filter((id) => after.has(id) && !result.ids.has(id)).length
    requests += Object.values((await simulator.stats()).byPage).reduce((sum, count) => sum + count, 0)
    pages += Math.ceil(before.length / PAGE_SIZE)
    if (result.isProven) proven++
    await simulator.stop()
  }
  return { lost, proven, requestsPerPage: requests / pages }
}

export const drift = async (rounds: number): Promise<Section> => {
  const rows: Array<ReadonlyArray<string>> = []
  const costs: Array<Claim> = []
  let [lostByOurs, lostBySdk] = [0, 0]
  for (const list of lists) {
    for (const [index, { name, read }] of readers.entries()) {
      const { lost, proven, requestsPerPage } = await outcome(list, read, rounds)
      const share = index === 0 ? `${Math.round((100 * proven) / rounds)} %` : "–"
      rows.push([list.name, name, lost.toLocaleString("en"), requestsPerPage.toFixed(2), share])
      if (index === 0) {
        lostByOurs += lost
        if (list.most !== undefined) {
          costs.push(atMost(`requests a page, ${list.name}`, list.most, requestsPerPage, { unit: "" }))
        }
      }
      if (read === sdkIds) lostBySdk += lost
    }
  }
  return {
    name: "drift",
    work: `Read ${SESSIONS} sessions (300 with \`status=active\`), ${PAGE_SIZE} a page, while the list changes; ${rounds} lists a line. Lost are sessions that were in the list before and after the read, and were not read.`,
    tables: [{ columns: ["list", "reader", "lost", "requests a page", "proven complete"], rows }],
    claims: [atMost("sessions lost by verified reads", 0, lostByOurs, { unit: "" }), ...costs],
    notes: [`Sessions that the SDK in a loop lost, without a sign of it: ${lostBySdk.toLocaleString("en")}.`]
  }
}
