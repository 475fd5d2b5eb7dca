/**
 * The queue of a fleet: pg-boss on PostgreSQL, which is loaded by the commands that need it only.
 *
 * A job is one run of one account. The queue holds at most one job of an account that is not ended, whether it waits or
 * runs (policy `exclusive`, the account being the key), so that asking twice makes one run.
 */
import type { AppError } from "@hb-sessions/app-kit/AppError"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { Db, JobWithMetadata, PgBoss } from "pg-boss"
import type { DatabaseUrl } from "../settings/databaseUrl.ts"
import { checkDatabase, type Role } from "./checkDatabase.ts"
import * as Database from "./Database.ts"
import { problemOf } from "./databaseProblem.ts"

/** The queue of runs. */
export const RUNS = "export"

/** Where runs go whose workers died again and again. */
const LOST = "export-lost"

/** A worker shows activity this often; without it for `HEARTBEAT_SECONDS`, its jobs go to others. */
export const HEARTBEAT_SECONDS = 15

/** How often a job may lose its worker. */
export const MOST_LOSSES = 10

/** A job of an account that no file lists waits for so long: a century, which is for ever. */
export const PARKED_SECONDS = 36_500 * 86_400

/** pg-boss has no longer time limit. */
const EXPIRE_SECONDS = 24 * 3600 - 1

/** The database failed; `cause` is the error of its driver, or of pg-boss. */
export class QueueError extends Data.TaggedError("QueueError")<{ readonly cause: unknown }> {
  override get message(): string {
    return messageOf(this.cause)
  }
}

/** A host with several addresses fails with an error for each, in one without a message. */
const messageOf = (cause: unknown): string => {
  if (cause instanceof AggregateError && cause.message === "") return messageOf(cause.errors[0])
  return cause instanceof Error && cause.message !== "" ? cause.message : "the database failed and gave no reason"
}

/** What a job says beside its account. */
export interface JobData {
  readonly account: string
  /** Why it is run: on schedule, or because someone asked for it. */
  readonly reason: "schedule" | "enqueued" | "retry"
  /** The time that it was due at, in ISO 8601; absent unless it is of the schedule. */
  readonly due?: string
  /** Failed runs in a row before this one. */
  readonly failures: number
}

/** A claim on a job: it is lost when another worker gets the job, whose `attempt` is higher. */
export interface Claim {
  readonly id: string
  readonly attempt: number
  readonly data: JobData
}

/** When a job is taken. */
export interface SendOptions {
  /** Not before so many seconds have passed; at once by default. */
  readonly afterSeconds?: number
  /** Whether it goes before the jobs that wait already. */
  readonly isFirst?: boolean
}

/** What can be asked of the database in one transaction, or outside of one. */
export interface Session {
  /** Runs a statement; its rows. */
  readonly sql: <Row extends object>(
    text: string,
    values?: ReadonlyArray<unknown>
  ) => Effect.Effect<ReadonlyArray<Row>, QueueError>
  /** Adds a job; false if the account has one that is not ended. */
  readonly send: (data: JobData, options?: SendOptions) => Effect.Effect<boolean, QueueError>
  /** Ends a job; false if the claim is lost. */
  readonly complete: (claim: Claim, output: object) => Effect.Effect<boolean, QueueError>
}

export interface QueueService extends Session {
  /** The schema of all tables. */
  readonly schema: string
  /** A failure in words, with what to do. */
  readonly problemOf: (error: QueueError) => AppError
  /** Runs statements in one transaction. */
  readonly transaction: <A, E>(run: (session: Session) => Effect.Effect<A, E>) => Effect.Effect<A, E | QueueError>
  /** Takes jobs, at most as many as asked for. */
  readonly take: (most: number) => Effect.Effect<ReadonlyArray<Claim>, QueueError>
  /** Takes jobs whose workers died too often. */
  readonly takeLost: Effect.Effect<ReadonlyArray<Claim>, QueueError>
  /** Ends a job of those. */
  readonly completeLost: (claim: Claim) => Effect.Effect<void, QueueError>
  /** Shows activity; the ids of the claims that are still held. */
  readonly touch: (claims: ReadonlyArray<Claim>) => Effect.Effect<ReadonlySet<string>, QueueError>
  /** Gives the jobs of silent workers to others, and removes old ones. */
  readonly supervise: Effect.Effect<void, QueueError>
}

export interface QueueOptions {
  readonly url: DatabaseUrl
  readonly schema: string
  /** The most connections at a time. */
  readonly connections: number
  /** Hears of errors of idle connections and the like, which no call fails with. */
  readonly onError: (error: unknown) => void
  /** What is done with it: only a worker, the default, creates or upgrades tables, and only a reader sends nothing. */
  readonly role?: Role
}

const attempt = <A>(run: () => Promise<A>): Effect.Effect<A, QueueError> =>
  Effect.tryPromise({ try: run, catch: (cause) => new QueueError({ cause }) })

/** The queue of a fleet. */
export class Queue extends Context.Service<Queue, QueueService>()("@hb-sessions/export/Queue") {
  /**
   * Connects, creates what is missing in the database, and ends the connections with the scope.
   *
   * Fails with what is wrong with the database or its URL.
   */
  static readonly layer = (options: QueueOptions) => Layer.effect(Queue, make(options))
}

/** Starts pg-boss, without what its timers do by themselves: the worker decides when to take and to supervise. */
const start = Effect.fnUntraced(function* (
  { connections, onError, role = "worker", schema }: QueueOptions,
  database: Database.Database
) {
  const { PgBoss } = yield* Effect.promise(() => import("pg-boss"))
  const boss = new PgBoss({
    ...Database.driverOptions(database),
    schema,
    // It is there before pg-boss looks: to create what exists needs a right that nothing else does.
    createSchema: false,
    migrate: role === "worker",
    registerInstance: role === "worker",
    max: connections,
    supervise: false,
    schedule: false,
    reindex: false,
    monitorVacuum: false,
    monitorIntervalSeconds: 4,
    maintenanceIntervalSeconds: 3600
  })
  boss.on("error", onError)
  const db: Db & { readonly open?: () => Promise<void> } = boss.getDb()
  const prepare = Effect.gen(function* () {
    // Opened before pg-boss does so, to look before it creates anything.
    yield* attempt(async () => db.open?.())
    yield* checkDatabase(sessionOf(boss, db).sql, database, { schema, queues: [RUNS, LOST], role })
    if (role !== "reader") yield* attempt(() => boss.start())
    if (role === "worker") yield* createQueues(boss)
  })
  yield* prepare.pipe(
    Effect.onError(() => Effect.ignore(attempt(() => boss.stop({ graceful: false })))),
    Effect.catchTag("QueueError", ({ cause }) => Effect.fail(problemOf(cause, database)))
  )
  return boss
})

const createQueues = Effect.fnUntraced(function* (boss: PgBoss) {
  const queue = {
    policy: "exclusive",
    retryLimit: MOST_LOSSES,
    retryDelay: 0,
    retryBackoff: false,
    heartbeatSeconds: HEARTBEAT_SECONDS,
    expireInSeconds: EXPIRE_SECONDS,
    deadLetter: LOST,
    retentionSeconds: 30 * 86_400,
    deleteAfterSeconds: 6 * 3600
  } as const
  yield* attempt(() => boss.createQueue(LOST, { retryLimit: 1_000_000, deleteAfterSeconds: 86_400 }))
  yield* attempt(() => boss.createQueue(RUNS, queue))
})

const make = Effect.fnUntraced(function* (options: QueueOptions) {
  const database = yield* Database.parse(options.url)
  const boss = yield* Effect.acquireRelease(start(options, database), (started) =>
    Effect.ignore(attempt(() => started.stop({ graceful: false })))
  )
  const service: QueueService = {
    schema: options.schema,
    problemOf: ({ cause }) => problemOf(cause, database),
    ...sessionOf(boss, boss.getDb()),
    transaction: (run) =>
      Effect.acquireUseRelease(
        attempt(() => beginTransaction(boss)),
        (transaction) => Effect.tap(run(sessionOf(boss, transaction.db)), () => attempt(() => transaction.commit())),
        // It does nothing after a commit.
        (transaction) => Effect.promise(() => transaction.rollback())
      ),
    take: (most) =>
      Effect.map(
        attempt(() => boss.fetch<JobData>(RUNS, { batchSize: most, includeMetadata: true })),
        toClaims
      ),
    takeLost: Effect.map(
      attempt(() => boss.fetch<JobData>(LOST, { batchSize: 10, includeMetadata: true })),
      toClaims
    ),
    completeLost: (claim) => Effect.asVoid(attempt(() => boss.complete(LOST, toAttempt(claim)))),
    touch: (claims) =>
      Effect.map(
        Effect.filter(
          claims,
          (claim) =>
            Effect.map(
              attempt(() => boss.touch(RUNS, toAttempt(claim))),
              isAffected
            ),
          {
            concurrency: "unbounded"
          }
        ),
        (held) => new Set(held.map(({ id }) => id))
      ),
    supervise: attempt(() => boss.supervise())
  }
  return service
})

const beginTransaction = (boss: PgBoss): ReturnType<NonNullable<Db["beginTransaction"]>> => {
  const db = boss.getDb()
  if (db.beginTransaction === undefined) throw new Error("the connection has no transactions")
  return db.beginTransaction()
}

const sessionOf = (boss: PgBoss, db: Db): Session => ({
  sql: (text, values = []) =>
    Effect.map(
      attempt(() => db.executeSql(text, [...values])),
      ({ rows }) => rows
    ),
  send: (data, { afterSeconds = 0, isFirst = false } = {}) =>
    Effect.map(
      attempt(() =>
        boss.send(RUNS, data, {
          db,
          singletonKey: data.account,
          startAfter: Math.ceil(afterSeconds),
          priority: isFirst ? 1 : 0
        })
      ),
      (id) => id !== null
    ),
  complete: (claim, output) =>
    Effect.map(
      attempt(() => boss.complete(RUNS, toAttempt(claim), output, { db })),
      isAffected
    )
})

/** What pg-boss answers with, which its types leave out. */
const Affected = Schema.Struct({ affected: Schema.Int })

const isAffected = (response: unknown): boolean => Schema.decodeUnknownSync(Affected)(response).affected > 0

const toAttempt = ({ attempt: retryCount, id }: Claim) => ({ id, retryCount })

const toClaims = (jobs: ReadonlyArray<JobWithMetadata<JobData>>): ReadonlyArray<Claim> =>
  jobs.map(({ data, id, retryCount }) => ({ id, attempt: retryCount, data }))
