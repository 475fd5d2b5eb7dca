/**
 * What it costs to share limits through Redis, and what a second replica brings.
 */
import { rank, type Result } from "./Comparison.ts"
import { saturate } from "./load/saturate.ts"
import { cpuSeconds, type Running } from "./servers/processes.ts"

/** How they are asked. */
export interface ReplicaLoad {
  readonly path: string
  readonly token: string
  readonly connections: number
  readonly seconds: number
  readonly rounds: number
}

export const WITH_REDIS = "one, with Redis"
export const WITHOUT = "one, without Redis"
export const TWO = "two that share it"

/** Wall and CPU time a request, in microseconds; the first is one with Redis. */
export const compareReplicas = async (
  { shared: [first, second], single }: { readonly shared: readonly [Running, Running]; readonly single: Running },
  { connections, path, rounds, seconds, token }: ReplicaLoad
): Promise<{ readonly wall: ReadonlyArray<Result>; readonly cpu: ReadonlyArray<Result> }> => {
  const contestants: ReadonlyArray<readonly [name: string, servers: ReadonlyArray<Running>]> = [
    [WITH_REDIS, [first]],
    [WITHOUT, [single]],
    [TWO, [first, second]]
  ]
  const wall = contestants.map(() => [] as Array<number>)
  const cpu = contestants.map(() => [] as Array<number>)
  const load = (servers: ReadonlyArray<Running>, duration: number) =>
    Promise.all(
      servers.map(({ url }) =>
        saturate({
          url: url + path,
          headers: { "x-api-key": token },
          connections: connections / servers.length,
          seconds: duration
        })
      )
    )
  const spent = (servers: ReadonlyArray<Running>) =>
    servers.reduce((sum, { pid }) => sum + (cpuSeconds(pid) ?? Number.NaN), 0)
  for (let round = -1; round < rounds; round++) {
    for (const [index, [, servers]] of contestants.entries()) {
      const before = spent(servers)
      const done = await load(servers, round < 0 ? 1 : seconds)
      // The first round warms up.
      if (round < 0) continue
      const requests = done.reduce((sum, one) => sum + one.requests, 0)
      wall[index]?.push(1e6 / done.reduce((sum, { perSecond }) => sum + perSecond, 0))
      cpu[index]?.push((1e6 * (spent(servers) - before)) / requests)
    }
  }
  const names = contestants.map(([name]) => name)
  return { wall: rank(names, wall), cpu: rank(names, cpu) }
}
