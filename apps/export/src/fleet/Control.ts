/**
 * What an operator does with the accounts of a fleet.
 */
import * as Effect from "effect/Effect"
import { type JobData, Queue, RUNS, type Session } from "./Queue.ts"

/** An account of the fleet, as far as an operator's commands need it. */
export interface Known {
  readonly account: string
  readonly paused: boolean
  readonly failed: boolean
  /** Whether no worker's accounts file lists it. */
  readonly unlisted: boolean
}

const KNOWN = `account, paused, failed, unlisted_since IS NOT NULL AS unlisted`

/** The accounts that workers know, by name. */
export const known = Effect.fn("Control.known")(function* () {
  const { schema, sql } = yield* Queue
  return yield* sql<Known>(`SELECT ${KNOWN} FROM ${schema}.fleet_account ORDER BY account`)
})

/** What became of a request to run an account. */
export type Requested = "enqueued" | "brought forward" | "waiting already" | "running already" | "paused" | "unlisted"

/** How many accounts are asked for in one transaction. */
const BATCH = 100

const batches = <A>(all: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from({ length: Math.ceil(all.length / BATCH) }, (_, at) => all.slice(at * BATCH, (at + 1) * BATCH))

/**
 * Asks for a run of each account now. An account has at most one job that is not ended: one that waits for its time, such
 * as a retry, is brought forward. A paused account gets none, nor does one that no worker's file lists.
 */
export const enqueue = Effect.fn("Control.enqueue")(function* (
  accounts: ReadonlyArray<string>,
  reason: JobData["reason"]
) {
  const { schema, transaction } = yield* Queue
  const done = yield* Effect.forEach(batches(accounts), (batch) =>
    transaction((session) => enqueueBatch({ ...session, schema }, batch, reason))
  )
  return done.flat()
})

interface SchemaSession extends Session {
  readonly schema: string
}

const enqueueBatch = Effect.fnUntraced(function* (
  session: SchemaSession,
  accounts: ReadonlyArray<string>,
  reason: JobData["reason"]
) {
  const { schema } = session
  // Locked, so that an account that is paused at the same time has no job afterwards.
  const rows = yield* session.sql<Known>(
    `SELECT ${KNOWN} FROM ${schema}.fleet_account WHERE account = ANY ($1) ORDER BY account FOR SHARE`,
    [accounts]
  )
  const results = new Map<string, Requested>()
  for (const { account, paused, unlisted } of rows) {
    if (paused || unlisted) results.set(account, paused ? "paused" : "unlisted")
  }
  for (const account of accounts) {
    if (results.has(account)) continue
    if (yield* session.send({ account, reason, failures: 0 })) results.set(account, "enqueued")
  }
  const others = accounts.filter((account) => !results.has(account))
  const found = yield* session.sql<{ readonly account: string; readonly result: Requested }>(
    `WITH later AS (
        UPDATE ${schema}.job SET start_after = now()
        WHERE name = '${RUNS}' AND singleton_key = ANY ($1) AND state < 'active' AND start_after > clock_timestamp()
        RETURNING singleton_key)
      SELECT singleton_key AS account, 'brought forward' AS result FROM later
      UNION ALL SELECT singleton_key, 'running already' FROM ${schema}.job
        WHERE name = '${RUNS}' AND singleton_key = ANY ($1) AND state = 'active'`,
    [others]
  )
  for (const { account, result } of found) results.set(account, result)
  return accounts.map((account) => ({ account, result: results.get(account) ?? ("waiting already" as const) }))
})

/** Pauses accounts: their jobs that wait are removed, and one that runs goes on. The names of those that were not paused. */
export const pause = Effect.fn("Control.pause")(function* (accounts: ReadonlyArray<string>) {
  const { schema, transaction } = yield* Queue
  return yield* transaction(
    Effect.fnUntraced(function* ({ sql }) {
      yield* sql(`SELECT account FROM ${schema}.fleet_account WHERE account = ANY ($1) ORDER BY account FOR UPDATE`, [
        accounts
      ])
      const changed = yield* sql<{ readonly account: string }>(
        `UPDATE ${schema}.fleet_account SET paused = true WHERE account = ANY ($1) AND NOT paused RETURNING account`,
        [accounts]
      )
      yield* sql(`DELETE FROM ${schema}.job WHERE name = '${RUNS}' AND state < 'active' AND singleton_key = ANY ($1)`, [
        accounts
      ])
      return new Set(changed.map(({ account }) => account))
    })
  )
})

/** Lets accounts run again; a run that was missed is dealt with as `--on-missed` says. The names of those that were paused. */
export const resume = Effect.fn("Control.resume")(function* (accounts: ReadonlyArray<string>) {
  const { schema, sql } = yield* Queue
  const changed = yield* sql<{ readonly account: string }>(
    `UPDATE ${schema}.fleet_account SET paused = false WHERE account = ANY ($1) AND paused RETURNING account`,
    [accounts]
  )
  return new Set(changed.map(({ account }) => account))
})

/** What became of a request to forget an account. */
export type Forgotten = "removed" | "still listed" | "still running"

/** Removes what is known of accounts that no worker's file lists, with the jobs that wait. */
export const forget = Effect.fn("Control.forget")(function* (accounts: ReadonlyArray<string>) {
  const { schema, transaction } = yield* Queue
  return yield* transaction(
    Effect.fnUntraced(function* ({ sql }) {
      const rows = yield* sql<Known>(
        `SELECT ${KNOWN} FROM ${schema}.fleet_account WHERE account = ANY ($1) ORDER BY account FOR UPDATE`,
        [accounts]
      )
      const active = yield* sql<{ readonly account: string }>(
        `SELECT singleton_key AS account FROM ${schema}.job
          WHERE name = '${RUNS}' AND state = 'active' AND singleton_key = ANY ($1)`,
        [accounts]
      )
      const running = new Set(active.map(({ account }) => account))
      const results = rows.map(({ account, unlisted }) => {
        const result: Forgotten = !unlisted ? "still listed" : running.has(account) ? "still running" : "removed"
        return { account, result }
      })
      const removed = results.filter(({ result }) => result === "removed").map(({ account }) => account)
      yield* sql(`DELETE FROM ${schema}.job WHERE name = '${RUNS}' AND state < 'active' AND singleton_key = ANY ($1)`, [
        removed
      ])
      yield* sql(`DELETE FROM ${schema}.fleet_account WHERE account = ANY ($1)`, [removed])
      return results
    })
  )
})
