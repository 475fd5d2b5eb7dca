/**
 * Servers that answer as much as they can, in turns.
 */
import { rank, type Result } from "./Comparison.ts"
import { type Load, type Rate, saturate } from "./load/saturate.ts"
import { cpuSeconds, type Running } from "./servers/processes.ts"

/** Servers that are asked at the same time, each by its share of the connections. */
export interface Loaded {
  readonly name: string
  readonly servers: ReadonlyArray<Running>
  readonly load: Omit<Load, "url" | "seconds"> & { readonly path: string }
}

/** Wall and CPU time a request, in microseconds. */
export interface Costs {
  readonly wall: ReadonlyArray<Result>
  readonly cpu: ReadonlyArray<Result>
}

const SECONDS = 1

/** Most turns that warm up: Node takes some four seconds of requests until its code is as fast as it gets. */
const WARM_UP = 4

/**
 * Asks for a while in turns; the first is ours.
 *
 * A round goes there and back, so that what comes before or after another has no part in the ratio.
 */
export const compareLoads = async (contestants: ReadonlyArray<Loaded>, rounds: number): Promise<Costs> => {
  const run = async ({ load: { connections, headers, path }, servers }: Loaded) => {
    const before = spent(servers)
    const rates = await Promise.all(
      servers.map(({ url }) =>
        saturate({ url: url + path, headers, connections: connections / servers.length, seconds: SECONDS })
      )
    )
    const sum = (of: (rate: Rate) => number) => rates.reduce((total, rate) => total + of(rate), 0)
    return {
      wall: 1e6 / sum(({ perSecond }) => perSecond),
      cpu: (1e6 * (spent(servers) - before)) / sum(({ requests }) => requests)
    }
  }
  for (let turn = 0; turn < Math.min(WARM_UP, rounds); turn++) {
    for (const contestant of contestants) await run(contestant)
  }
  const wall = contestants.map(() => [] as Array<number>)
  const cpu = contestants.map(() => [] as Array<number>)
  const forth = [...contestants.entries()]
  const turns = [...forth, ...forth.toReversed()]
  for (let round = 0; round < rounds; round++) {
    for (const costs of [wall, cpu]) costs.forEach((list) => list.push(0))
    for (const [index, contestant] of turns) {
      const costs = await run(contestant)
      add(wall[index], round, costs.wall / 2)
      add(cpu[index], round, costs.cpu / 2)
    }
  }
  const names = contestants.map(({ name }) => name)
  return { wall: rank(names, wall), cpu: rank(names, cpu) }
}

const add = (costs: Array<number> | undefined, round: number, cost: number): void => {
  if (costs !== undefined) costs[round] = (costs[round] ?? 0) + cost
}

const spent = (servers: ReadonlyArray<Running>): number =>
  servers.reduce((sum, { pid }) => sum + (cpuSeconds(pid) ?? Number.NaN), 0)
