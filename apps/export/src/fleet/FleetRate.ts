/**
 * A bound on the requests a second to one API host, for all workers together.
 *
 * Times at which requests may be sent are leased from the database, some at a time and by its clock. While the database
 * is away, each worker keeps to its share.
 */
import * as SteadyTime from "@hb-sessions/app-kit/SteadyTime"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { GONE_SECONDS } from "./Schedules.ts"
import type { DatabaseHealth } from "./DatabaseHealth.ts"
import { Queue } from "./Queue.ts"

/** How much of a second is leased at once, at most. */
const MOST_LEASED = 0.5

/** A time that passed so long ago is given up, in milliseconds: a frozen process must not catch up. */
const STALE = 1000

/** How long a slow database is waited for. */
const PATIENCE = Duration.seconds(2)

export interface FleetRate {
  /** Waits until a request to this host may be sent. */
  readonly admit: (host: string) => Effect.Effect<void>
}

/** Makes the bound; `rate` is in requests a second, 0 for none. */
export const make = Effect.fnUntraced(function* (rate: number, health: DatabaseHealth) {
  if (rate === 0) return { admit: () => Effect.void } satisfies FleetRate
  const { schema, sql } = yield* Queue
  const interval = 1000 / rate
  const most = Math.max(1, Math.floor(rate * MOST_LEASED))
  let workers = 1

  /** Leases times from now on: how long until the first of them, in milliseconds. */
  const lease = (host: string, count: number) =>
    Effect.map(
      health.watch(
        sql<{ readonly wait: number; readonly workers: number }>(
          `INSERT INTO ${schema}.fleet_rate AS r (host, free_at)
            VALUES ($1, clock_timestamp() + $2 * interval '1 millisecond')
            ON CONFLICT (host) DO UPDATE
            SET free_at = CASE WHEN r.free_at > clock_timestamp() + interval '1 hour' THEN clock_timestamp()
              ELSE greatest(r.free_at, clock_timestamp()) END + $2 * interval '1 millisecond'
            RETURNING extract(epoch FROM free_at - clock_timestamp())::float8 * 1000 - $2 AS wait,
              (SELECT count(*)::int FROM ${schema}.fleet_worker
                WHERE seen > now() - interval '${GONE_SECONDS} seconds') AS workers`,
          [host, count * interval]
        )
      ),
      ([row]) => {
        workers = Math.max(1, row?.workers ?? 1)
        return Math.max(0, row?.wait ?? 0)
      }
    )

  const hosts = new Map<string, Host>()
  const hostOf = (name: string): Host => {
    const found = hosts.get(name) ?? { waiting: [], isLeasing: false, ownNext: 0 }
    hosts.set(name, found)
    return found
  }

  /** Leases as many times as are waited for, and hands them out, until no request waits. */
  const serve = Effect.fnUntraced(function* (name: string, host: Host) {
    for (;;) {
      if (host.waiting.length === 0) {
        // Before anything else can run, so that no request waits for a loop that has ended.
        host.isLeasing = false
        return
      }
      const count = Math.min(most, host.waiting.length)
      const wait = health.isUp()
        ? Option.flatten(yield* Effect.option(Effect.timeoutOption(lease(name, count), PATIENCE)))
        : Option.none<number>()
      const now = yield* SteadyTime.now
      for (let at = 0; at < count; at++) {
        const time = Option.isSome(wait)
          ? now + wait.value + at * interval
          : (host.ownNext = Math.max(now, host.ownNext + interval * workers))
        const next = host.waiting.shift()
        if (next !== undefined) yield* Deferred.succeed(next, time)
      }
    }
  })

  const timeFor = Effect.fnUntraced(function* (name: string) {
    const host = hostOf(name)
    const mine = yield* Deferred.make<number>()
    host.waiting.push(mine)
    if (!host.isLeasing) {
      host.isLeasing = true
      yield* Effect.forkDetach(serve(name, host))
    }
    return yield* Effect.onInterrupt(Deferred.await(mine), () =>
      Effect.sync(() => {
        host.waiting = host.waiting.filter((one) => one !== mine)
      })
    )
  })

  const admit = (name: string): Effect.Effect<void> =>
    Effect.gen(function* () {
      const time = yield* timeFor(name)
      yield* Effect.sleep(Math.max(0, time - (yield* SteadyTime.now)))
      if ((yield* SteadyTime.now) - time > STALE) yield* admit(name)
    })
  return { admit } satisfies FleetRate
})

interface Host {
  waiting: Array<Deferred.Deferred<number>>
  isLeasing: boolean
  /** Without the database: when the next request of this worker may be sent. */
  ownNext: number
}
