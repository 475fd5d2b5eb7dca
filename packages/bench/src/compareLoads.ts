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

/** Wall and CPU time a request, in microseconds, of each contestant in each round. */
export interface Turns {
  readonly names: ReadonlyArray<string>
  readonly wall: ReadonlyArray<ReadonlyArray<number>>
  readonly cpu: ReadonlyArray<ReadonlyArray<number>>
}

/** The same, ranked. */
export interface Costs {
  readonly wall: ReadonlyArray<Result>
  readonly cpu: ReadonlyArray<Result>
}

/** The rounds of several servers of each kind, as if they were those of one. */
export const costsOf = (fleets: ReadonlyArray<Turns>): Costs => {
  const names = fleets[0]?.names ?? []
  const rounds = (of: (turns: Turns) => ReadonlyArray<ReadonlyArray<number>>) =>
    names.map((_, index) => fleets.flatMap((turns) => of(turns)[index] ?? []))
  return {
    wall: rank(
      names,
      rounds(({ wall }) => wall)
    ),
    cpu: rank(
      names,
      rounds(({ cpu }) => cpu)
    )
  }
}

/** How often each is asked. */
export interface Rounds {
  readonly rounds: number
  /** Turns before that: Node takes some four seconds of requests until its code is as fast as it gets. */
  readonly warmUp: number
}

const SECONDS = 1

/**
 * Asks for a while in turns; the first is ours.
 *
 * A round goes there and back, so that what comes before or after another has no part in the ratio.
 */
export const compareLoads = async (contestants: ReadonlyArray<Loaded>, { rounds, warmUp }: Rounds): Promise<Turns> => {
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
  for (let turn = 0; turn < warmUp; turn++) {
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
  return { names: contestants.map(({ name }) => name), wall, cpu }
}

const add = (costs: Array<number> | undefined, round: number, cost: number): void => {
  if (costs !== undefined) costs[round] = (costs[round] ?? 0) + cost
}

const spent = (servers: ReadonlyArray<Running>): number =>
  servers.reduce((sum, { pid }) => sum + (cpuSeconds(pid) ?? Number.NaN), 0)
