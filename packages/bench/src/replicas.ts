/**
 * What it costs to share limits through Redis, and what a second replica brings.
 */
import { compareLoads, type Rounds, type Turns } from "./compareLoads.ts"
import type { Replicas } from "./servers/replicas.ts"

/** How they are asked. */
interface ReplicaLoad extends Rounds {
  readonly path: string
  readonly token: string
  readonly connections: number
}

export const WITH_REDIS = "one, with Redis"
export const WITHOUT = "one, without Redis"
export const TWO = "two that share it"

/** Wall and CPU time a request; the first is one with Redis. */
export const compareReplicas = (
  { shared: [first, second], single }: Replicas,
  { connections, path, token, ...rounds }: ReplicaLoad
): Promise<Turns> => {
  const load = { path, headers: { "x-api-key": token }, connections }
  return compareLoads(
    [
      { name: WITH_REDIS, servers: [first], load },
      { name: WITHOUT, servers: [single], load },
      { name: TWO, servers: [first, second], load }
    ],
    rounds
  )
}
