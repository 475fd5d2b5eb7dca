/**
 * Two of our proxies that share a Redis, and one that does without, all with a limit for each token.
 */
import { hasRedis, startRedis } from "@hb-sessions/redis/Redis"
import { startProxy } from "./ourProxy.ts"
import type { Running } from "./processes.ts"

/** Proxies that are otherwise the same. */
export interface Replicas {
  readonly shared: readonly [Running, Running]
  readonly single: Running
}

/** High enough to let everything through, so that it is counted. */
const LIMITS = ["--rate", "1000000", "--burst", "1000000", "--access-log", "off"]

/** Starts them; undefined where there is no Redis. */
export const startReplicas = async (
  options: Omit<Parameters<typeof startProxy>[0], "flags" | "log">
): Promise<(Replicas & AsyncDisposable) | undefined> => {
  if (!hasRedis) return undefined
  const redis = await startRedis()
  const start = (...flags: ReadonlyArray<string>) =>
    startProxy({ ...options, log: "/dev/null", flags: [...LIMITS, ...flags] })
  const [first, second, single] = await Promise.all([start("--redis", redis.url), start("--redis", redis.url), start()])
  return {
    shared: [first, second],
    single,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([first, second, single].map((server) => server[Symbol.asyncDispose]()))
      await redis.stop()
    }
  }
}
