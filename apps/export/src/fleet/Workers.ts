/**
 * The workers of a fleet, each with the accounts that its file has, so that all know which accounts there are.
 */
import * as Effect from "effect/Effect"
import { Queue } from "./Queue.ts"

/** What a worker says of itself. */
export interface WorkerRow {
  /** host:pid/id */
  readonly worker: string
  readonly parallel: number
  readonly running: number
}

/** Writes that a worker is there. */
export const seen = Effect.fnUntraced(function* ({ parallel, running, worker }: WorkerRow) {
  const { schema, sql } = yield* Queue
  yield* sql(
    `INSERT INTO ${schema}.fleet_worker (worker, parallel, running) VALUES ($1, $2, $3)
      ON CONFLICT (worker) DO UPDATE SET seen = now(), parallel = $2, running = $3`,
    [worker, parallel, running]
  )
})

/** Writes which accounts a worker's file has, and removes workers that ended without a word long ago. */
export const lists = Effect.fnUntraced(function* (worker: string, accounts: ReadonlyArray<string>) {
  const { schema, sql } = yield* Queue
  yield* sql(
    `INSERT INTO ${schema}.fleet_worker (worker, parallel, accounts) VALUES ($1, 0, $2)
      ON CONFLICT (worker) DO UPDATE SET accounts = $2, seen = now()`,
    [worker, [...accounts]]
  )
  yield* sql(`DELETE FROM ${schema}.fleet_worker WHERE seen < now() - interval '1 hour'`)
})

/** Removes a worker that ends. */
export const remove = Effect.fnUntraced(function* (worker: string) {
  const { schema, sql } = yield* Queue
  yield* sql(`DELETE FROM ${schema}.fleet_worker WHERE worker = $1`, [worker])
})
