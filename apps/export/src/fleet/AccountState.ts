/**
 * What a fleet knows of each account, in one row: its schedule, its last attempt, success and error, and where it runs.
 *
 * A run writes to the row only while its claim on the job is the one in the row, so that a worker that was frozen cannot
 * overwrite what a newer run has written.
 */
import { AppError } from "@hb-sessions/app-kit/AppError"
import * as Effect from "effect/Effect"
import { exitCodes } from "../exitCodes.ts"
import { type Claim, Queue, type QueueError, RUNS, type Session } from "./Queue.ts"

/** The version of these tables; raised with every change that another version of the program cannot work with. */
const VERSION = 1

/** What is known of an account. */
export interface AccountState {
  readonly account: string
  /** The schedule as in the accounts file; null for none. */
  readonly cron: string | null
  readonly tz: string
  /** When the next run of the schedule is due. */
  readonly nextDue: Date | null
  /** `--stale-after`, in seconds; null for never. */
  readonly staleAfterSeconds: number | null
  /** Whether its schedule stands still. */
  readonly paused: boolean
  /** Since when no worker's accounts file lists it; null while one does. */
  readonly unlistedSince: Date | null
  /** Whether it failed for good: the exit code is not worth a retry, or the retries are spent. */
  readonly failed: boolean
  /** Failed runs since the last success. */
  readonly failures: number
  /** When the last run began. */
  readonly lastAttempt: Date | null
  readonly lastSuccess: Date | null
  readonly lastRows: number | null
  readonly lastCompleteness: "proven" | "unproven" | null
  readonly lastGeneration: number | null
  readonly lastErrorAt: Date | null
  readonly lastExitCode: number | null
  readonly lastMessage: string | null
  /** The worker that runs it, as host:pid/id; null while it is not running. */
  readonly worker: string | null
  readonly runningSince: Date | null
  /** When the worker last showed activity. */
  readonly lastHeartbeat: Date | null
}

/** How a run ended well. */
export interface Success {
  readonly rows: number
  readonly completeness: "proven" | "unproven"
  readonly generation: number
}

/** How a run ended badly. */
export interface Failure {
  readonly exitCode: number
  readonly message: string
}

const accounts = (schema: string) => `${schema}.fleet_account`

/**
 * Creates the tables, whichever workers do so at once.
 *
 * Fails with exit code 2 if the tables are of another version.
 */
export const prepare = Effect.fn("AccountState.prepare")(function* () {
  const { schema, transaction } = yield* Queue
  const version = yield* transaction(
    Effect.fnUntraced(function* ({ sql }) {
      yield* sql("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [`hb-sessions-export ${schema}`])
      yield* sql(
        `CREATE TABLE IF NOT EXISTS ${schema}.fleet_version (singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton), version int NOT NULL)`
      )
      yield* sql(`INSERT INTO ${schema}.fleet_version (version) VALUES ($1) ON CONFLICT DO NOTHING`, [VERSION])
      const [row] = yield* sql<{ readonly version: number }>(`SELECT version FROM ${schema}.fleet_version`)
      if (row?.version !== VERSION) return row?.version
      yield* sql(`CREATE TABLE IF NOT EXISTS ${accounts(schema)} (
        account text PRIMARY KEY,
        cron text,
        tz text NOT NULL DEFAULT 'UTC',
        next_due timestamptz,
        due_from timestamptz,
        stale_after_seconds double precision,
        stale_told timestamptz,
        created timestamptz NOT NULL DEFAULT now(),
        paused boolean NOT NULL DEFAULT false,
        unlisted_since timestamptz,
        failed boolean NOT NULL DEFAULT false,
        failures int NOT NULL DEFAULT 0,
        job uuid,
        attempt int,
        worker text,
        running_since timestamptz,
        last_attempt timestamptz,
        last_success timestamptz,
        last_rows bigint,
        last_completeness text,
        last_generation bigint,
        last_error_at timestamptz,
        last_exit_code int,
        last_message text
      )`)
      yield* sql(`CREATE TABLE IF NOT EXISTS ${schema}.fleet_worker (
        worker text PRIMARY KEY,
        started timestamptz NOT NULL DEFAULT now(),
        seen timestamptz NOT NULL DEFAULT now(),
        parallel int NOT NULL,
        running int NOT NULL DEFAULT 0,
        accounts text[] NOT NULL DEFAULT '{}'
      )`)
      yield* sql(
        `CREATE TABLE IF NOT EXISTS ${schema}.fleet_rate (host text PRIMARY KEY, free_at timestamptz NOT NULL)`
      )
      return row.version
    })
  )
  return yield* checkVersion(version)
})

/** Fails with exit code 2 if the tables are of another version; for what creates none. */
export const check = Effect.fn("AccountState.check")(function* () {
  const { schema, sql } = yield* Queue
  const [row] = yield* sql<{ readonly version: number }>(`SELECT version FROM ${schema}.fleet_version`)
  return yield* checkVersion(row?.version)
})

const checkVersion = Effect.fnUntraced(function* (version: number | undefined) {
  if (version === VERSION) return
  const { schema } = yield* Queue
  return yield* new AppError({
    message: `the schema ${schema} of the database has version ${version} of the fleet's tables, and this program needs version ${VERSION}; run the same version of hb-sessions-export everywhere, or give another --database-schema`,
    exitCode: exitCodes.usage
  })
})

/** A row as the driver gives it: a bigint is a text. */
type Row = Omit<AccountState, "lastRows" | "lastGeneration"> & {
  readonly lastRows: string | null
  readonly lastGeneration: string | null
}

/** All accounts, by name. */
export const all = Effect.fn("AccountState.all")(function* (): Effect.fn.Return<
  ReadonlyArray<AccountState>,
  QueueError,
  Queue
> {
  const { schema, sql } = yield* Queue
  const rows = yield* sql<Row>(
    `SELECT a.account, a.cron, a.tz, a.next_due AS "nextDue", a.stale_after_seconds AS "staleAfterSeconds", a.paused,
        a.unlisted_since AS "unlistedSince", a.failed, a.failures, a.last_attempt AS "lastAttempt", a.last_success AS "lastSuccess",
        a.last_rows AS "lastRows", a.last_completeness AS "lastCompleteness", a.last_generation AS "lastGeneration",
        a.last_error_at AS "lastErrorAt", a.last_exit_code AS "lastExitCode", a.last_message AS "lastMessage",
        CASE WHEN j.id IS NULL THEN NULL ELSE a.worker END AS worker,
        CASE WHEN j.id IS NULL THEN NULL ELSE a.running_since END AS "runningSince",
        j.heartbeat_on AS "lastHeartbeat"
      FROM ${accounts(schema)} a
      LEFT JOIN ${schema}.job j ON j.id = a.job AND j.retry_count = a.attempt AND j.state = 'active'
      ORDER BY a.account`
  )
  return rows.map((row) => ({
    ...row,
    lastRows: row.lastRows === null ? null : Number(row.lastRows),
    lastGeneration: row.lastGeneration === null ? null : Number(row.lastGeneration)
  }))
})

/** Whether there is an account, listed or not. */
export const isKnown = Effect.fnUntraced(function* (account: string) {
  const { schema, sql } = yield* Queue
  const found = yield* sql(`SELECT account FROM ${accounts(schema)} WHERE account = $1`, [account])
  return found.length > 0
})

/** Writes that a worker has begun to run an account, unless another one has got the job already. */
export const began = Effect.fnUntraced(function* ({ attempt, data, id }: Claim, worker: string) {
  const { schema, sql } = yield* Queue
  yield* sql(
    `INSERT INTO ${accounts(schema)} AS a (account, job, attempt, worker, running_since, last_attempt)
      SELECT $1, $2::uuid, $3::int, $4, now(), now() FROM ${schema}.job
        WHERE name = '${RUNS}' AND id = $2::uuid AND retry_count = $3::int AND state = 'active'
      ON CONFLICT (account) DO UPDATE
      SET job = excluded.job, attempt = excluded.attempt, worker = excluded.worker,
        running_since = now(), last_attempt = now()`,
    [data.account, id, attempt, worker]
  )
})

/** Writes a success; false if a newer run has the account. */
export const succeeded = Effect.fnUntraced(function* (
  { sql }: Session,
  schema: string,
  { attempt, data, id }: Claim,
  { completeness, generation, rows }: Success
) {
  const found = yield* sql(
    `UPDATE ${accounts(schema)}
      SET worker = NULL, running_since = NULL, failed = false, failures = 0, last_success = now(), last_rows = $4,
        last_completeness = $5, last_generation = $6
      WHERE account = $1 AND job = $2 AND attempt = $3
      RETURNING account`,
    [data.account, id, attempt, rows, completeness, generation]
  )
  return found.length > 0
})

/**
 * Accounts that have become stale, or have been so for as long again, of some; each is told by one worker. With the time
 * since the last success, or since the account was added.
 */
export const newlyStale = Effect.fn("AccountState.newlyStale")(function* (among: ReadonlyArray<string>) {
  const { schema, sql } = yield* Queue
  return yield* sql<{ readonly account: string; readonly seconds: number }>(
    `UPDATE ${accounts(schema)} SET stale_told = now()
      WHERE account = ANY ($1) AND coalesce(last_success, created) < now() - stale_after_seconds * interval '1 second'
        AND (stale_told IS NULL OR stale_told < last_success
          OR stale_told < now() - stale_after_seconds * interval '1 second')
      RETURNING account, extract(epoch FROM now() - coalesce(last_success, created))::float8 AS seconds`,
    [[...among]]
  )
})

/** Writes that a run stopped without an outcome. */
export const stopped = Effect.fnUntraced(function* ({ sql }: Session, schema: string, { attempt, data, id }: Claim) {
  yield* sql(
    `UPDATE ${accounts(schema)} SET worker = NULL, running_since = NULL WHERE account = $1 AND job = $2 AND attempt = $3`,
    [data.account, id, attempt]
  )
})

/** Writes that the workers of a job died again and again. */
export const lost = Effect.fnUntraced(function* (account: string, { exitCode, message }: Failure) {
  const { schema, sql } = yield* Queue
  yield* sql(
    `UPDATE ${accounts(schema)}
      SET worker = NULL, running_since = NULL, failed = true, failures = failures + 1, last_error_at = now(),
        last_exit_code = $2, last_message = $3
      WHERE account = $1`,
    [account, exitCode, message]
  )
})

/** Writes a failure, for good or until a retry; false if a newer run has the account. */
export const failed = Effect.fnUntraced(function* (
  { sql }: Session,
  schema: string,
  { attempt, data, id }: Claim,
  { exitCode, message }: Failure,
  isForGood: boolean
) {
  const found = yield* sql(
    `UPDATE ${accounts(schema)}
      SET worker = NULL, running_since = NULL, failed = $6, failures = failures + 1, last_error_at = now(),
        last_exit_code = $4, last_message = $5
      WHERE account = $1 AND job = $2 AND attempt = $3
      RETURNING account`,
    [data.account, id, attempt, exitCode, message, isForGood]
  )
  return found.length > 0
})
