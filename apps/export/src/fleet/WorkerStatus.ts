/**
 * What a worker tells its machines: whether it is alive and ready, and its numbers for Prometheus.
 *
 * The accounts' numbers come from the database, so that every worker tells the same of an account, wherever it ran; their
 * names are those of `--metrics-file`. A worker tells of the accounts of its own file, and of those that no file lists.
 */
import type { Failure } from "@hb-sessions/app-kit/AppError"
import * as SteadyTime from "@hb-sessions/app-kit/SteadyTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { codeOf } from "../operations/RunMonitor.ts"
import type { DatabaseHealth } from "./DatabaseHealth.ts"
import { Queue, type QueueService } from "./Queue.ts"

/** A database that did not answer for so long makes a worker not ready, in milliseconds. */
const LATELY = 15_000

/** How long the accounts' numbers are good for, in milliseconds: several may scrape. */
const GOOD_FOR = 5000

/** How long a scrape waits for the database. */
const PATIENCE = Duration.seconds(2)

/** An answer to a request. */
export interface Reply {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

/** A series of a metric. */
interface Series {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** A metric with its series. */
interface Family {
  readonly name: string
  readonly type: "gauge" | "counter"
  readonly help: string
  readonly series: ReadonlyArray<Series>
}

/** An account in the database, times in epoch seconds. */
interface Row {
  readonly account: string
  readonly success: number | null
  readonly rows: number | null
  readonly completeness: string | null
  readonly generation: number | null
  readonly error: number | null
  readonly exitCode: number | null
  readonly next: number | null
  readonly failed: boolean
  readonly paused: boolean
  readonly unlisted: boolean
  readonly running: boolean
}

const PREFIX = "hb_sessions_export_"

const escaped = (text: string): string => text.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n")

const lineOf = (name: string, { labels, value }: Series): string => {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`)
  return `${PREFIX}${name}${pairs.length === 0 ? "" : `{${pairs.join()}}`} ${value}`
}

/** Prometheus' text format. */
const toText = (families: ReadonlyArray<Family>): string =>
  families
    .filter(({ series }) => series.length > 0)
    .flatMap(({ help, name, series, type }) => [
      `# HELP ${PREFIX}${name} ${help}`,
      `# TYPE ${PREFIX}${name} ${type}`,
      ...series.map((one) => lineOf(name, one))
    ])
    .map((line) => `${line}\n`)
    .join("")

const familiesOf = (rows: ReadonlyArray<Row>): ReadonlyArray<Family> => {
  const gauge = (name: string, help: string, valueOf: (row: Row) => number | null): Family => ({
    name,
    type: "gauge",
    help,
    series: rows.flatMap((row) => {
      const value = valueOf(row)
      return value === null ? [] : [{ labels: { export: row.account }, value }]
    })
  })
  return [
    gauge("last_run_timestamp_seconds", "Time at which the last run ended.", ({ error, success }) =>
      error === null && success === null ? null : Math.max(error ?? 0, success ?? 0)
    ),
    gauge("last_run_exit_code", "Exit code of the last run; 0 is success.", ({ error, exitCode, success }) =>
      error === null && success === null ? null : (error ?? 0) > (success ?? 0) ? (exitCode ?? 1) : 0
    ),
    gauge(
      "last_success_timestamp_seconds",
      "Time at which the published generation was finished; 0 if none is published.",
      ({ success }) => success ?? 0
    ),
    gauge("generation", "Number of the published generation.", ({ generation }) => generation),
    gauge("sessions", "Sessions written by the published generation.", ({ rows: sessions }) => sessions),
    gauge("proven", "1 if the last read is proven to be complete.", ({ completeness }) =>
      completeness === null ? null : Number(completeness === "proven")
    ),
    gauge(
      "next_run_timestamp_seconds",
      "Time of the next run of the schedule; absent without one.",
      ({ next, paused, unlisted }) => (paused || unlisted ? null : next)
    ),
    gauge("failed", "1 if the account has failed and is not retried automatically.", ({ failed }) => Number(failed)),
    gauge("paused", "1 if the account is paused.", ({ paused }) => Number(paused)),
    gauge("unlisted", "1 if no worker's accounts file lists the account.", ({ unlisted }) => Number(unlisted)),
    gauge("running", "1 if the account is being exported, by any worker.", ({ running }) => Number(running))
  ]
}

const readRows = ({ schema, sql }: QueueService, worker: string) =>
  sql<Row>(
    `SELECT a.account, extract(epoch FROM a.last_success)::float8 AS success, a.last_rows::float8 AS rows,
        a.last_completeness AS completeness, a.last_generation::float8 AS generation,
        extract(epoch FROM a.last_error_at)::float8 AS error, a.last_exit_code AS "exitCode",
        extract(epoch FROM a.next_due)::float8 AS next, a.failed, a.paused,
        a.unlisted_since IS NOT NULL AS unlisted, j.id IS NOT NULL AS running
      FROM ${schema}.fleet_account a
      LEFT JOIN ${schema}.job j ON j.id = a.job AND j.retry_count = a.attempt AND j.state = 'active'
      WHERE a.account = ANY ((SELECT w.accounts FROM ${schema}.fleet_worker w WHERE w.worker = $1)::text[])
        OR a.unlisted_since IS NOT NULL
      ORDER BY a.account`,
    [worker]
  )

/** What is known of a worker before it is connected. */
export interface StatusOptions {
  /** host:pid/id */
  readonly name: string
  readonly version: string
  readonly parallel: number
}

const text = (status: number, body: string): Reply => ({
  status,
  contentType: "text/plain; charset=utf-8",
  body: `${body}\n`
})

export const make = Effect.fnUntraced(function* ({ name, parallel, version }: StatusOptions) {
  const started = (yield* SteadyTime.now) / 1000
  const codes = new Map<number, number>()
  let running = 0
  let seconds = 0
  let database: { readonly health: DatabaseHealth; readonly queue: QueueService } | undefined
  let found: { readonly at: number; readonly rows: ReadonlyArray<Row> } | undefined

  /** Counts a run, however it ends. */
  const watch = <A, R>(run: Effect.Effect<A, Failure, R>): Effect.Effect<A, Failure, R> =>
    Effect.gen(function* () {
      const began = yield* SteadyTime.now
      running++
      return yield* Effect.onExit(run, (exit) =>
        Effect.map(SteadyTime.now, (now) => {
          running--
          seconds += (now - began) / 1000
          const code = codeOf(exit)
          codes.set(code, (codes.get(code) ?? 0) + 1)
        })
      )
    })

  /** From now on, the database is asked. */
  const connected = Effect.fnUntraced(function* (health: DatabaseHealth) {
    database = { health, queue: yield* Queue }
  })

  /** While the database does not answer, what it said last: an alert on the age of a success must not go out. */
  const rowsNow = Effect.gen(function* () {
    const now = yield* SteadyTime.now
    const isGood = found !== undefined && now - found.at < GOOD_FOR
    if (!isGood && database?.health.isUp() === true) {
      const rows = yield* readRows(database.queue, name).pipe(Effect.timeoutOption(PATIENCE), Effect.option)
      found = Option.match(Option.flatten(rows), { onNone: () => found, onSome: (all) => ({ at: now, rows: all }) })
    }
    return found?.rows ?? []
  })

  const isReady = Effect.gen(function* () {
    return database !== undefined && database.health.isUp() && (yield* database.health.sinceAnswer) < LATELY
  })

  const metrics = Effect.gen(function* () {
    const rows = yield* rowsNow
    const one = (metric: string, type: Family["type"], help: string, value: number): Family => ({
      name: `worker_${metric}`,
      type,
      help,
      series: [{ labels: {}, value }]
    })
    const runs = [...codes.values()].reduce((sum, count) => sum + count, 0)
    const families: ReadonlyArray<Family> = [
      {
        name: "worker_info",
        type: "gauge",
        help: "The worker, as host:pid/id, and its version.",
        series: [{ labels: { worker: name, version }, value: 1 }]
      },
      one(
        "uptime_seconds",
        "gauge",
        "Time since this worker started.",
        Math.round((yield* SteadyTime.now) / 1000 - started)
      ),
      one("parallel", "gauge", "Accounts that this worker exports at the same time, at most.", parallel),
      one("running", "gauge", "Accounts that this worker is exporting.", running),
      one("database_up", "gauge", "1 if the database answered recently.", Number(yield* isReady)),
      {
        name: "worker_runs_total",
        type: "counter",
        help: "Runs that ended on this worker, by exit code; 143 for those that were stopped or taken over.",
        series: [...codes]
          .toSorted(([a], [b]) => a - b)
          .map(([code, value]) => ({ labels: { exit_code: String(code) }, value }))
      },
      one("run_duration_seconds_sum", "counter", "Duration of all runs that ended on this worker.", seconds),
      one("run_duration_seconds_count", "counter", "Number of these runs.", runs),
      ...familiesOf(rows)
    ]
    return { status: 200, contentType: "text/plain; version=0.0.4; charset=utf-8", body: toText(families) }
  })

  const reply = (path: string): Effect.Effect<Reply> => {
    switch (path) {
      case "/healthz":
        return Effect.succeed(text(200, "alive"))
      case "/readyz":
        return Effect.map(isReady, (ready) => {
          if (ready) return text(200, "ready")
          return text(503, database === undefined ? "starting" : "the database is unavailable")
        })
      case "/metrics":
        return metrics
      default:
        return Effect.succeed(text(404, "not found; the paths are /metrics, /healthz and /readyz"))
    }
  }
  return { watch, connected, reply } satisfies WorkerStatusService
})

export interface WorkerStatusService {
  readonly watch: <A, R>(run: Effect.Effect<A, Failure, R>) => Effect.Effect<A, Failure, R>
  readonly connected: (health: DatabaseHealth) => Effect.Effect<void, never, Queue>
  /** Answers a request for a path. */
  readonly reply: (path: string) => Effect.Effect<Reply>
}
