/**
 * The tables of a fleet on a real PostgreSQL.
 */
import { hasPostgres, type PostgresTcp, startPostgresTcp } from "@hb-sessions/postgres/Postgres"
import { ConfigProvider, Effect, Redacted } from "effect"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import * as AccountState from "../src/fleet/AccountState.ts"
import * as outcomes from "../src/fleet/outcomes.ts"
import { Queue } from "../src/fleet/Queue.ts"
import { databaseConfig } from "../src/settings/configs.ts"

let server: PostgresTcp
beforeAll(async () => {
  if (hasPostgres) server = await startPostgresTcp()
})
afterAll(() => server?.stop())

const queue = (schema: string) =>
  Queue.layer({ url: Redacted.make(server.url), schema, connections: 2, onError: () => {} })

const inQueue = <A, E>(schema: string, self: Effect.Effect<A, E, Queue>): Promise<A> =>
  Effect.runPromise(Effect.provide(self, queue(schema)))

/** The states of all jobs. */
const states = Effect.gen(function* () {
  const { schema, sql } = yield* Queue
  const jobs = yield* sql<{ readonly state: string }>(`SELECT state FROM ${schema}.job`)
  return jobs.map(({ state }) => state)
})

const run = { account: "team-a", reason: "enqueued", failures: 0 } as const

describe.skipIf(!hasPostgres)("the tables of a fleet (PostgreSQL is not installed where this is skipped)", () => {
  it("are created once by several workers that start at the same time", async () => {
    const eight = Array.from({ length: 8 }, () => inQueue("at_once", AccountState.prepare()))
    await Promise.all(eight)
    assert.deepStrictEqual(await inQueue("at_once", AccountState.all()), [])
  })

  it("of another version are rejected in one line", async () => {
    const error = await inQueue(
      "other_version",
      Effect.gen(function* () {
        yield* AccountState.prepare()
        const { sql } = yield* Queue
        yield* sql("UPDATE other_version.fleet_version SET version = 99")
        return yield* Effect.flip(AccountState.prepare())
      })
    )
    assert.match(error.message, /^the schema other_version of the database has version 99 .*--database-schema$/)
    assert.strictEqual("exitCode" in error ? error.exitCode : undefined, 2)
  })

  it("hold one job of an account, however often it is asked for, and one claim on it", () =>
    inQueue(
      "one_job",
      Effect.gen(function* () {
        yield* AccountState.prepare()
        const { complete, send, take, touch } = yield* Queue
        assert.sameMembers(yield* Effect.all([send(run), send(run)], { concurrency: 2 }), [true, false])
        const [claim] = yield* take(5)
        assert.isDefined(claim)
        assert.isFalse(yield* send(run), "it is running")
        assert.deepStrictEqual(yield* take(5), [])
        assert.isTrue((yield* touch([claim])).has(claim.id))
        assert.isFalse((yield* touch([{ ...claim, attempt: 7 }])).has(claim.id), "another attempt has it")
        assert.isTrue(yield* complete(claim, {}))
        assert.isFalse(yield* complete(claim, {}))
        assert.deepStrictEqual(yield* states, ["completed"])
        assert.isTrue(yield* send(run))
      })
    ))

  it("keep what a newer run has written from a run whose claim is lost", () =>
    inQueue(
      "fenced",
      Effect.gen(function* () {
        yield* AccountState.prepare()
        const session = yield* Queue
        yield* session.send(run)
        const [old] = yield* session.take(1)
        assert.isDefined(old)
        yield* AccountState.began(old, "host:1/a")
        const newer = { ...old, attempt: old.attempt + 1 }
        yield* session.sql("UPDATE fenced.job SET retry_count = retry_count + 1")
        yield* AccountState.began(newer, "host:2/b")
        yield* AccountState.began(old, "host:1/a")
        const success = { rows: 5, completeness: "proven", generation: 3 } as const
        assert.isFalse(yield* AccountState.failed(session, "fenced", old, { exitCode: 75, message: "lost" }, true))
        assert.isTrue(yield* AccountState.succeeded(session, "fenced", newer, success))
        assert.isFalse(yield* AccountState.succeeded(session, "fenced", old, { ...success, rows: 4 }))
        const [state] = yield* AccountState.all()
        assert.deepInclude(state, {
          account: "team-a",
          lastRows: 5,
          lastGeneration: 3,
          failed: false,
          lastExitCode: null
        })
        // A worker that froze when it had taken a job which another one has finished since.
        yield* session.complete(newer, {})
        yield* session.send(run)
        const [next] = yield* session.take(1)
        assert.isDefined(next)
        yield* AccountState.began(next, "host:2/b")
        yield* AccountState.began(old, "host:1/a")
        assert.isTrue(yield* AccountState.succeeded(session, "fenced", next, success))
      })
    ))

  it("take an outcome that is written again, as its answer was lost, for the same one", () =>
    inQueue(
      "again",
      Effect.gen(function* () {
        yield* AccountState.prepare()
        const { send, take } = yield* Queue
        yield* send(run)
        const [claim] = yield* take(1)
        assert.isDefined(claim)
        yield* AccountState.began(claim, "host:1/a")
        // What a server said may be no text for PostgreSQL.
        const failure = { exitCode: 4, message: "down: \0\uD83D" }
        assert.isTrue(yield* outcomes.failed(claim, failure, 60))
        assert.isTrue(yield* outcomes.failed(claim, failure, 60))
        assert.sameMembers(yield* states, ["completed", "created"])
        const [state] = yield* AccountState.all()
        assert.deepInclude(state, { failures: 1, lastMessage: "down: \uFFFD\uFFFD" })
        const stranger = { ...claim, attempt: claim.attempt + 1 }
        assert.isFalse(yield* outcomes.succeeded(stranger, { rows: 1, completeness: "proven", generation: 1 }))
        assert.isNull((yield* AccountState.all())[0]?.lastSuccess)
      })
    ))

  it("take back all of a transaction that fails", () =>
    inQueue(
      "transaction",
      Effect.gen(function* () {
        const { transaction } = yield* Queue
        yield* Effect.exit(transaction(({ send }) => Effect.andThen(send(run), Effect.fail("no"))))
        assert.deepStrictEqual(yield* states, [])
      })
    ))
})

describe("the URL of the database", () => {
  const read = (env: Record<string, string>) =>
    Effect.runPromise(
      databaseConfig.pipe(
        Effect.mapError(({ message }) => message),
        Effect.result,
        Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(env)))
      )
    )
  const url = "postgres://me:hunter2@db.example/fleet"

  it("is a secret", async () => {
    const found = await read({ HB_SESSIONS_EXPORT_DATABASE: url })
    assert.notInclude(JSON.stringify(found), "hunter2")
    assert.isTrue(found._tag === "Success" && Redacted.value(found.success.url) === url)
  })

  for (const wrong of ["mysql://me:hunter2@db/fleet", "hunter2", "postgres"]) {
    it(`is not ${wrong}, which no message repeats`, async () => {
      const found = await read({ HB_SESSIONS_EXPORT_DATABASE: wrong })
      assert.isTrue(found._tag === "Failure")
      assert.notInclude(JSON.stringify(found), "hunter2")
    })
  }
})
