/**
 * The schedules of a fleet: each account's next run is a time in its row, and the worker that moves it on adds the job,
 * in one transaction; so that any number of workers add it once.
 *
 * The rules are those of `Scheduler`. The time is the database's, which all workers share.
 */
import { configOfAll } from "@hb-sessions/app-kit/Setting"
import { AppError, toAppError } from "@hb-sessions/app-kit/AppError"
import * as EffectCron from "effect/Cron"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Struct from "effect/Struct"
import * as Cron from "../operations/Cron.ts"
import { type SelectedAccount, within } from "../settings/accounts.ts"
import { withSettings } from "../settings/environment.ts"
import { runSettings, scheduleSettings } from "../settings/runSettings.ts"
import { PARKED_SECONDS, Queue, RUNS, type Session } from "./Queue.ts"

/** When an account is exported. */
export interface AccountSchedule {
  readonly account: string
  /** Undefined for an account that runs only when someone asks for it. */
  readonly cron: { readonly expression: string; readonly parsed: EffectCron.Cron } | undefined
  readonly timeZone: string
  readonly onMissed: "skip" | "once"
  readonly jitter: Duration.Duration
  readonly staleAfter: Duration.Duration | undefined
}

/** A run that is later than this was missed, in milliseconds. */
const LATE = 60_000

/** How far the clock of the database may be set back before the schedules start anew, in milliseconds. */
const CLOCK_TOLERANCE = 3_600_000

/** Runs that are added in one transaction. */
const BATCH = 100

/** A worker that was not seen for so long is gone, in seconds. */
export const GONE_SECONDS = 60

/** How much later than it would be is what waits for an account that no file lists. */
const PARKED = `interval '${PARKED_SECONDS} seconds'`

const settings = {
  ...Struct.pick(scheduleSettings, ["cron", "onMissed", "jitter"]),
  ...Struct.pick(runSettings, ["tz", "staleAfter"])
}

const scheduleOf = Effect.fnUntraced(function* (name: string) {
  const { cron, jitter, onMissed, staleAfter, tz } = yield* configOfAll(settings)
  const schedule: AccountSchedule = {
    account: name,
    cron: cron === undefined ? undefined : { expression: cron, parsed: yield* Cron.parse(cron, tz) },
    timeZone: tz,
    onMissed,
    jitter,
    staleAfter
  }
  return schedule
})

/** The schedule of an account from its settings. */
export const read = ({ account, given }: SelectedAccount) =>
  Effect.mapError(scheduleOf(account.name).pipe(withSettings(given), within(account)), (error) => {
    const { exitCode, message } = toAppError(error)
    return new AppError({ message: `account ${account.name}: ${message}`, exitCode })
  })

const nextAfter = ({ cron }: AccountSchedule, from: number): Date | null =>
  cron === undefined ? null : EffectCron.next(cron.parsed, from)

/** The time of the database, which a test may set. */
const timeOf = Effect.fnUntraced(function* ({ sql }: Session, now: number | undefined) {
  if (now !== undefined) return now
  const [row] = yield* sql<{ readonly now: Date }>("SELECT now()")
  return row === undefined ? yield* Effect.die(new Error("the database does not tell the time")) : row.now.getTime()
})

/**
 * Writes the schedules of a worker's accounts; one that did not change keeps its next run.
 *
 * The names of those that no file listed until now. What waited for them waits for a worker again.
 */
export const register = Effect.fn("Schedules.register")(function* (
  schedules: Iterable<AccountSchedule>,
  given?: number
) {
  const { schema, transaction } = yield* Queue
  return yield* transaction(
    Effect.fnUntraced(function* (session) {
      const now = yield* timeOf(session, given)
      const rows = [...schedules].map((schedule) => ({
        account: schedule.account,
        cron: schedule.cron?.expression ?? null,
        tz: schedule.timeZone,
        next_due: nextAfter(schedule, now),
        stale: schedule.staleAfter === undefined ? null : Duration.toSeconds(schedule.staleAfter)
      }))
      yield* session.sql(
        `INSERT INTO ${schema}.fleet_account AS a (account, cron, tz, next_due, due_from, stale_after_seconds)
          SELECT account, cron, tz, next_due, $2::timestamptz, stale FROM jsonb_to_recordset($1::jsonb)
            AS r(account text, cron text, tz text, next_due timestamptz, stale double precision)
          ORDER BY account
          ON CONFLICT (account) DO UPDATE SET
            cron = excluded.cron, tz = excluded.tz, stale_after_seconds = excluded.stale_after_seconds,
            next_due = CASE WHEN a.cron IS DISTINCT FROM excluded.cron OR a.tz <> excluded.tz
              THEN excluded.next_due ELSE a.next_due END,
            due_from = CASE WHEN a.cron IS DISTINCT FROM excluded.cron OR a.tz <> excluded.tz
              THEN excluded.due_from ELSE a.due_from END
          WHERE (a.cron, a.tz, a.stale_after_seconds)
            IS DISTINCT FROM (excluded.cron, excluded.tz, excluded.stale_after_seconds)`,
        [JSON.stringify(rows), new Date(now)]
      )
      return yield* setListed(session, schema, {
        since: "NULL",
        which: "account = ANY ($1) AND unlisted_since IS NOT NULL",
        values: [rows.map(({ account }) => account)],
        jobs: `start_after > now() + ${PARKED} / 2`,
        moved: `- ${PARKED}`
      })
    })
  )
})

/**
 * Marks the accounts that no worker's file lists any more: they are not scheduled, and what waits for them waits until a
 * file lists them again. A file may be short by mistake, and so nothing is removed. The names of those that are new.
 */
export const markUnlisted = Effect.fn("Schedules.markUnlisted")(function* () {
  const { schema, transaction } = yield* Queue
  return yield* transaction((session) =>
    setListed(session, schema, {
      since: "now()",
      which: `unlisted_since IS NULL AND NOT EXISTS (
          SELECT 1 FROM ${schema}.fleet_worker w
          WHERE w.seen > now() - interval '${GONE_SECONDS} seconds' AND a.account = ANY (w.accounts))`,
      values: [],
      jobs: "true",
      moved: `+ ${PARKED}`
    })
  )
})

interface Listing {
  /** The new value of `unlisted_since`. */
  readonly since: string
  /** Of the accounts, with its values. */
  readonly which: string
  readonly values: ReadonlyArray<unknown>
  /** Of their jobs that wait. */
  readonly jobs: string
  /** How the times of these jobs are moved. */
  readonly moved: string
}

const setListed = Effect.fnUntraced(function* (
  { sql }: Session,
  schema: string,
  { jobs, moved, since, values, which }: Listing
) {
  // Locked in order, as several workers do so at the same time.
  const found = yield* sql<{ readonly account: string }>(
    `SELECT account FROM ${schema}.fleet_account a WHERE ${which} ORDER BY account FOR UPDATE`,
    values
  )
  const names = found.map(({ account }) => account)
  if (names.length === 0) return names
  yield* sql(`UPDATE ${schema}.fleet_account SET unlisted_since = ${since} WHERE account = ANY ($1)`, [names])
  yield* sql(
    `UPDATE ${schema}.job SET start_after = start_after ${moved}, keep_until = keep_until ${moved}
      WHERE name = '${RUNS}' AND state < 'active' AND singleton_key = ANY ($1) AND ${jobs}`,
    [names]
  )
  return names
})

/**
 * Adds the jobs of the runs that are due, and moves their schedules on; whether there may be more of them.
 *
 * A run that is due while the one before it runs waits for its end, and was missed then.
 */
export const enqueueDue = Effect.fn("Schedules.enqueueDue")(function* (
  schedules: Iterable<AccountSchedule>,
  given?: number
) {
  const { schema, transaction } = yield* Queue
  const mine = [...schedules].flatMap((schedule) =>
    schedule.cron === undefined ? [] : [{ schedule, expression: schedule.cron.expression }]
  )
  return yield* transaction(
    Effect.fnUntraced(function* (session) {
      const now = yield* timeOf(session, given)
      // Another worker may have another file: the one of them that registers last decides.
      const rows = yield* session.sql<DueRow>(
        `SELECT m.place::int, next_due AS "nextDue" FROM ${schema}.fleet_account a
          JOIN unnest($3::text[], $4::text[], $5::text[]) WITH ORDINALITY AS m(account, cron, tz, place)
            USING (account, cron, tz)
          WHERE (next_due <= $1 OR due_from > $2) AND NOT paused
            AND NOT EXISTS (SELECT 1 FROM ${schema}.job j
              WHERE j.name = '${RUNS}' AND j.singleton_key = a.account AND j.state = 'active')
          ORDER BY next_due LIMIT ${BATCH} FOR UPDATE OF a SKIP LOCKED`,
        [
          new Date(now),
          new Date(now + CLOCK_TOLERANCE),
          mine.map(({ schedule }) => schedule.account),
          mine.map(({ expression }) => expression),
          mine.map(({ schedule }) => schedule.timeZone)
        ]
      )
      for (const { nextDue, place } of rows) {
        const schedule = mine[place - 1]?.schedule
        if (schedule === undefined) continue
        const from = yield* runIfDue(session, schedule, nextDue, now).pipe(
          Effect.annotateLogs("account", schedule.account)
        )
        yield* session.sql(`UPDATE ${schema}.fleet_account SET next_due = $2, due_from = $3 WHERE account = $1`, [
          schedule.account,
          nextAfter(schedule, from),
          new Date(from)
        ])
      }
      return rows.length === BATCH
    })
  )
})

/**
 * After the clock of the database was set back: what waits from now on waits no longer than it would have, and what a dead
 * worker left is taken over.
 */
export const followClock = Effect.fn("Schedules.followClock")(function* () {
  const { schema, sql } = yield* Queue
  const isAhead = (column: string) => `${column} > now() + ${CLOCK_TOLERANCE} * interval '1 millisecond'`
  yield* sql(
    `UPDATE ${schema}.job SET created_on = now(), start_after = now() + (start_after - created_on)
      WHERE name = '${RUNS}' AND state < 'active' AND ${isAhead("created_on")}`
  )
  yield* sql(
    `UPDATE ${schema}.job SET heartbeat_on = now() WHERE name = '${RUNS}' AND state = 'active' AND ${isAhead("heartbeat_on")}`
  )
  yield* sql(`UPDATE ${schema}.fleet_worker SET seen = now() WHERE ${isAhead("seen")}`)
})

interface DueRow {
  /** Among the schedules of this worker, from 1 on. */
  readonly place: number
  readonly nextDue: Date
}

/** Adds the job of a run unless it was missed and is to be skipped; from when on the next one is looked for. */
const runIfDue = Effect.fnUntraced(function* (session: Session, schedule: AccountSchedule, nextDue: Date, now: number) {
  const due = nextDue.toISOString()
  if (nextDue.getTime() > now) {
    yield* Effect.logWarning(
      `the clock of the database was set back to ${new Date(now).toISOString()}; the next run is scheduled again`
    )
    return now
  }
  const isMissed = now - nextDue.getTime() > LATE
  if (isMissed && schedule.onMissed === "skip") {
    yield* Effect.logWarning(`skipping the missed run of ${due}`)
    return now
  }
  if (isMissed) yield* Effect.logWarning(`running now to make up for the missed run of ${due}`)
  const afterSeconds = isMissed ? 0 : (yield* Random.next) * Duration.toSeconds(schedule.jitter)
  // It does nothing where a job of the account waits already.
  yield* session.send({ account: schedule.account, reason: "schedule", due, failures: 0 }, { afterSeconds })
  return isMissed ? now : nextDue.getTime()
})
