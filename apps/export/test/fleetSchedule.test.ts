/**
 * The schedules of a fleet, through days on which clocks change, on a real PostgreSQL and several workers at a time.
 */
import { hasPostgres, type PostgresTcp, startPostgresTcp } from "@hb-sessions/postgres/Postgres"
import { Duration, Effect, Logger, Redacted } from "effect"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import * as AccountState from "../src/fleet/AccountState.ts"
import * as Control from "../src/fleet/Control.ts"
import * as FleetStatus from "../src/fleet/FleetStatus.ts"
import * as outcomes from "../src/fleet/outcomes.ts"
import { type Claim, Queue } from "../src/fleet/Queue.ts"
import * as Schedules from "../src/fleet/Schedules.ts"
import * as Workers from "../src/fleet/Workers.ts"
import * as Cron from "../src/operations/Cron.ts"

let server: PostgresTcp
beforeAll(async () => {
  if (hasPostgres) server = await startPostgresTcp()
})
afterAll(() => server?.stop())

let schemas = 0

/** Runs something in a schema of its own; what it logs is collected. */
const inQueue = <E>(test: (log: ReadonlyArray<string>) => Effect.Effect<void, E, Queue>): Promise<void> => {
  const log: Array<string> = []
  const logger = Logger.make<unknown, void>(({ message }) => {
    log.push(String(message))
  })
  return Effect.andThen(AccountState.prepare(), test(log)).pipe(
    Effect.provide([
      Queue.layer({
        url: Redacted.make(server.url),
        schema: `schedule_${schemas++}`,
        connections: 4,
        onError: () => {}
      }),
      Logger.layer([logger])
    ]),
    Effect.runPromise
  )
}

const scheduleOf = (
  account: string,
  expression: string,
  {
    onMissed = "once",
    timeZone = "Europe/Paris"
  }: { readonly onMissed?: "once" | "skip"; readonly timeZone?: string } = {}
) =>
  Effect.map(Cron.parse(expression, timeZone), (parsed): Schedules.AccountSchedule => ({
    account,
    cron: { expression, parsed },
    timeZone,
    onMissed,
    jitter: Duration.zero,
    staleAfter: undefined
  }))

const at = (time: string): number => Date.parse(time)

/** Three workers look for what is due at the same time; succeeds with the jobs that there are then. */
const look = Effect.fnUntraced(function* (schedules: ReadonlyArray<Schedules.AccountSchedule>, now: number) {
  yield* Effect.forEach([1, 2, 3], () => Schedules.enqueueDue(schedules, now), { concurrency: 3 })
  return yield* (yield* Queue).take(10)
})

const finish = (claims: ReadonlyArray<Claim>) =>
  Effect.flatMap(Queue, ({ complete }) => Effect.forEach(claims, (claim) => complete(claim, {}), { discard: true }))

/** The due times of the runs of some hours, looked for every ten minutes. */
const runsOf = Effect.fnUntraced(function* (expression: string, from: string, hours: number) {
  const schedules = [yield* scheduleOf("team-a", expression)]
  yield* Schedules.register(schedules, at(from))
  const due: Array<string> = []
  for (let now = at(from); now < at(from) + hours * 3_600_000; now += 600_000) {
    const claims = yield* look(schedules, now)
    due.push(...claims.map(({ data }) => data.due ?? ""))
    yield* finish(claims)
  }
  return due
})

describe.skipIf(!hasPostgres)("the schedules of a fleet", () => {
  it("run once at a time that does not exist when clocks go forward", () =>
    inQueue(() =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* runsOf("30 2 * * *", "2026-03-28T12:00:00Z", 48), [
          "2026-03-29T01:30:00.000Z",
          "2026-03-30T00:30:00.000Z"
        ])
      })
    ))

  it("run once at a time that exists twice when clocks go back", () =>
    inQueue(() =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* runsOf("30 2 * * *", "2026-10-24T12:00:00Z", 48), [
          "2026-10-25T00:30:00.000Z",
          "2026-10-26T01:30:00.000Z"
        ])
      })
    ))

  it("run every hour, also in the hour that there is twice", () =>
    inQueue(() =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* runsOf("0 * * * *", "2026-10-24T22:30:00Z", 4), [
          "2026-10-24T23:00:00.000Z",
          "2026-10-25T00:00:00.000Z",
          "2026-10-25T01:00:00.000Z",
          "2026-10-25T02:00:00.000Z"
        ])
      })
    ))

  it("make up for missed runs with one, or skip them", () =>
    inQueue((log) =>
      Effect.gen(function* () {
        const schedules = [
          yield* scheduleOf("makes-up", "0 2 * * *"),
          yield* scheduleOf("skips", "0 2 * * *", { onMissed: "skip" })
        ]
        yield* Schedules.register(schedules, at("2026-06-01T12:00:00Z"))
        // No worker was there for three nights.
        const claims = yield* look(schedules, at("2026-06-04T12:00:00Z"))
        assert.deepStrictEqual(
          claims.map(({ data }) => data),
          [{ account: "makes-up", reason: "schedule", due: "2026-06-02T00:00:00.000Z", failures: 0 }]
        )
        yield* finish(claims)
        assert.include(log, "running now to make up for the missed run of 2026-06-02T00:00:00.000Z")
        assert.include(log, "skipping the missed run of 2026-06-02T00:00:00.000Z")
        const next = yield* look(schedules, at("2026-06-05T00:00:10Z"))
        assert.sameMembers(
          next.map(({ data }) => data.account),
          ["makes-up", "skips"]
        )
      })
    ))

  it("wait for the run before, and for an account that is paused", () =>
    inQueue(() =>
      Effect.gen(function* () {
        const { schema, sql } = yield* Queue
        const schedules = [yield* scheduleOf("team-a", "*/10 * * * *")]
        yield* Schedules.register(schedules, at("2026-06-01T12:05:00Z"))
        const first = yield* look(schedules, at("2026-06-01T12:10:00Z"))
        assert.lengthOf(first, 1)
        assert.lengthOf(yield* look(schedules, at("2026-06-01T12:20:00Z")), 0)
        yield* finish(first)
        yield* sql(`UPDATE ${schema}.fleet_account SET paused = true`)
        assert.lengthOf(yield* look(schedules, at("2026-06-01T12:20:30Z")), 0)
        yield* sql(`UPDATE ${schema}.fleet_account SET paused = false`)
        const second = yield* look(schedules, at("2026-06-01T12:20:40Z"))
        assert.deepStrictEqual(
          second.map(({ data }) => data.due),
          ["2026-06-01T12:20:00.000Z"]
        )
      })
    ))

  it("keep their next run unless the schedule changes, and start anew when the clock is set back", () =>
    inQueue((log) =>
      Effect.gen(function* () {
        const { schema, sql } = yield* Queue
        const next = Effect.map(
          sql<{ readonly next_due: Date }>(`SELECT next_due FROM ${schema}.fleet_account`),
          (rows) => rows.map(({ next_due }) => next_due.toISOString())
        )
        const daily = [yield* scheduleOf("team-a", "0 2 * * *", { timeZone: "UTC" })]
        yield* Schedules.register(daily, at("2026-06-01T12:00:00Z"))
        yield* Schedules.register(daily, at("2026-06-03T12:00:00Z"))
        assert.deepStrictEqual(yield* next, ["2026-06-02T02:00:00.000Z"])
        const later = [yield* scheduleOf("team-a", "0 3 * * *", { timeZone: "UTC" })]
        yield* Schedules.register(later, at("2026-06-03T12:00:00Z"))
        assert.deepStrictEqual(yield* next, ["2026-06-04T03:00:00.000Z"])
        assert.lengthOf(yield* look(later, at("2026-01-01T12:00:00Z")), 0)
        assert.deepStrictEqual(yield* next, ["2026-01-02T03:00:00.000Z"])
        assert.lengthOf(
          log.filter((line) => line.startsWith("the clock of the database was set back")),
          1
        )
      })
    ))

  it("go on after the clock was set back by a day: what waits, and what a dead worker left", () =>
    inQueue(() =>
      Effect.gen(function* () {
        const { schema, send, sql, supervise, take } = yield* Queue
        yield* send({ account: "dead", reason: "enqueued", failures: 0 })
        assert.lengthOf(yield* take(1), 1)
        yield* send({ account: "later", reason: "retry", failures: 1 }, { afterSeconds: 600 })
        yield* send({ account: "waits", reason: "enqueued", failures: 0 })
        yield* Workers.lists("host:1/dead", ["waits"])
        // As if these were written before the clock was set back.
        yield* sql(
          `UPDATE ${schema}.job SET created_on = created_on + interval '1 day', start_after = start_after + interval '1 day',
            started_on = started_on + interval '1 day', heartbeat_on = heartbeat_on + interval '1 day'`
        )
        yield* sql(`UPDATE ${schema}.fleet_worker SET seen = seen + interval '1 day'`)
        assert.deepStrictEqual(yield* take(5), [])
        yield* Schedules.followClock()
        const [waits] = yield* take(5)
        assert.strictEqual(waits?.data.account, "waits")
        const rows = yield* sql(
          `SELECT round(extract(epoch FROM start_after - now()) / 60)::int AS minutes, seen <= now() AS is_seen
            FROM ${schema}.job, ${schema}.fleet_worker WHERE singleton_key = 'later'`
        )
        assert.deepStrictEqual(rows, [{ minutes: 10, is_seen: true }])
        // Fifteen seconds later.
        yield* sql(
          `UPDATE ${schema}.job SET heartbeat_on = heartbeat_on - interval '16 seconds' WHERE state = 'active'`
        )
        yield* sql(`UPDATE ${schema}.queue SET monitor_on = NULL`)
        yield* supervise
        assert.includeMembers(
          (yield* take(5)).map(({ data }) => data.account),
          ["dead"]
        )
      })
    ))

  it("of accounts that no worker lists any more stand still, and nothing is lost", () =>
    inQueue(() =>
      Effect.gen(function* () {
        const { schema, send, sql, take } = yield* Queue
        const schedules = [
          yield* scheduleOf("keeps", "0 2 * * *"),
          yield* scheduleOf("leaves", "0 2 * * *"),
          yield* scheduleOf("runs", "0 2 * * *")
        ]
        yield* Schedules.register(schedules, at("2026-06-01T12:00:00Z"))
        yield* Workers.lists("host:0/dead", ["leaves"])
        yield* sql(`UPDATE ${schema}.fleet_worker SET seen = now() - interval '61 minutes'`)
        yield* Workers.lists("host:1/a", ["keeps", "leaves", "runs"])
        assert.deepStrictEqual(yield* sql(`SELECT worker FROM ${schema}.fleet_worker`), [{ worker: "host:1/a" }])
        assert.deepStrictEqual(yield* Schedules.markUnlisted(), [])
        yield* send({ account: "runs", reason: "enqueued", failures: 0 })
        const [running] = yield* take(1)
        assert.isDefined(running)
        yield* AccountState.began(running, "host:1/a")
        yield* sql(`UPDATE ${schema}.fleet_account SET last_success = now(), last_rows = 7, last_generation = 3`)
        yield* send({ account: "leaves", reason: "enqueued", failures: 0 }, { afterSeconds: 600 })

        // A file that is short by mistake; then two workers look at the same time.
        yield* Workers.lists("host:1/a", ["keeps"])
        const marked = yield* Effect.all([Schedules.markUnlisted(), Schedules.markUnlisted()], { concurrency: 2 })
        assert.sameMembers(marked.flat(), ["leaves", "runs"])
        assert.isTrue(yield* outcomes.failed(running, { exitCode: 4, message: "down" }, 0))
        assert.deepStrictEqual(yield* take(5), [], "what waits is not taken, nor is the retry")
        const { accounts } = yield* FleetStatus.read({
          inFile: undefined,
          staleAfter: undefined,
          staleAfterDefault: undefined
        })
        const leaves = accounts.find(({ account }) => account === "leaves")
        assert.match(leaves?.state ?? "", /^unlisted since 20\d\d-\d\d-\d\dT[\d:]{8}Z$/)
        assert.deepInclude(leaves?.published, { sessions: 7, generation: 3 })
        assert.deepStrictEqual(yield* Control.enqueue(["keeps", "leaves"], "enqueued"), [
          { account: "keeps", result: "enqueued" },
          { account: "leaves", result: "unlisted" }
        ])

        yield* Workers.lists("host:1/a", ["keeps", "leaves", "runs"])
        assert.deepStrictEqual(yield* Schedules.register(schedules, at("2026-06-01T12:00:00Z")), ["leaves", "runs"])
        const jobs = yield* sql(
          `SELECT singleton_key AS account, round(extract(epoch FROM start_after - now()) / 60)::int AS minutes,
              round(extract(epoch FROM keep_until - now()) / 86400)::int AS days
            FROM ${schema}.job WHERE state < 'active' ORDER BY 1`
        )
        assert.deepStrictEqual(jobs, [
          { account: "keeps", minutes: 0, days: 30 },
          { account: "leaves", minutes: 10, days: 30 },
          { account: "runs", minutes: 0, days: 30 }
        ])
        assert.isTrue(
          (yield* AccountState.all()).every(({ lastRows, unlistedSince }) => lastRows === 7 && unlistedSince === null)
        )
      })
    ))

  it("of accounts are forgotten when asked for only, and not while a worker lists or runs one", () =>
    inQueue(() =>
      Effect.gen(function* () {
        const { schema, send, sql, take } = yield* Queue
        const schedules = yield* Effect.forEach(["gone", "listed", "runs"], (account) =>
          scheduleOf(account, "0 2 * * *")
        )
        yield* Schedules.register(schedules)
        for (const account of ["runs", "gone"]) yield* send({ account, reason: "enqueued", failures: 0 })
        assert.lengthOf(yield* take(1), 1)
        yield* Workers.lists("host:1/a", ["listed"])
        yield* Schedules.markUnlisted()
        assert.deepStrictEqual(yield* Control.forget(["gone", "listed", "runs"]), [
          { account: "gone", result: "removed" },
          { account: "listed", result: "still listed" },
          { account: "runs", result: "still running" }
        ])
        assert.deepStrictEqual(
          (yield* AccountState.all()).map(({ account }) => account),
          ["listed", "runs"]
        )
        assert.deepStrictEqual(yield* sql(`SELECT singleton_key FROM ${schema}.job`), [{ singleton_key: "runs" }])
      })
    ))

  it("add a thousand runs that are due at once, each once", () =>
    inQueue(() =>
      Effect.gen(function* () {
        const { schema, sql } = yield* Queue
        const schedules = yield* Effect.forEach(
          Array.from({ length: 1000 }, (_, index) => `team-${index}`),
          (account) => scheduleOf(account, "0 2 * * *")
        )
        yield* Schedules.register(schedules, at("2026-06-01T12:00:00Z"))
        const worker: Effect.Effect<void, unknown, Queue> = Effect.flatMap(
          Schedules.enqueueDue(schedules, at("2026-06-02T00:00:01Z")),
          (hasMore) => (hasMore ? worker : Effect.void)
        )
        yield* Effect.all([worker, worker, worker], { concurrency: 3 })
        const [row] = yield* sql<{ readonly jobs: string; readonly accounts: string }>(
          `SELECT count(*) AS jobs, count(DISTINCT singleton_key) AS accounts FROM ${schema}.job`
        )
        assert.deepStrictEqual(row, { jobs: "1000", accounts: "1000" })
      })
    ))
})
