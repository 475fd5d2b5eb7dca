/**
 * A fleet of built programs on a real PostgreSQL: what happens to its workers and its database must not show in what is
 * published.
 */
import { startObjectStore } from "@hb-sessions/object-store/ObjectStore"
import { hasPostgres, type PostgresTcp, startPostgresTcp } from "@hb-sessions/postgres/Postgres"
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { type AddressInfo, connect, createServer } from "node:net"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { type Asked, type Fleet, isReady, NEVER, startFleet, until } from "./fleet.ts"
import { notificationsOf, recipient } from "./recipient.ts"
import { bin, manifestOf, publishedIds } from "./support.ts"

/** Makes all accounts due, as when their time has come. */
const makeDue = (fleet: Fleet, where = "true") => fleet.sql(`UPDATE fleet_account SET next_due = now() WHERE ${where}`)

const count = async (fleet: Fleet, from: string): Promise<number> =>
  Number((await fleet.sql(`SELECT count(*) AS n FROM ${from}`))[0]?.["n"])

/** The workers that asked for an account, in order, each run of requests of one worker once. */
const workersOf = (asked: ReadonlyArray<Asked>, account: string): ReadonlyArray<string> =>
  asked
    .filter((one) => one.account === account)
    .map(({ worker }) => worker)
    .filter((worker, at, all) => worker !== all[at - 1])

/** `workersOf` without the one request that a frozen worker was about to send, and sends when it wakes up. */
const workersBeforeWaking = (asked: ReadonlyArray<Asked>, account: string, frozen: string): ReadonlyArray<string> => {
  const ofAccount = asked.filter((one) => one.account === account)
  const workers = workersOf(ofAccount, account)
  const isLate = workers.length === 3 && workers[2] === frozen && ofAccount.at(-2)?.worker !== frozen
  return isLate ? workers.slice(0, -1) : workers
}

/** The server of the fleets that do not restart it. */
let shared: PostgresTcp
beforeAll(async () => {
  if (hasPostgres) shared = await startPostgresTcp()
})
afterAll(() => shared?.stop())

const within = async (
  run: (fleet: Fleet) => Promise<void>,
  options: Parameters<typeof startFleet>[0],
  postgres?: PostgresTcp
) => {
  const fleet = await startFleet(options, postgres)
  try {
    await run(fleet)
  } finally {
    await fleet.stop()
  }
}

/** With someone who is notified; all on the shared server. */
const withRecipient = (
  run: (fleet: Fleet, one: Effect.Success<ReturnType<typeof recipient>>) => Promise<void>
): Promise<void> =>
  Effect.flatMap(recipient(), (one) =>
    Effect.promise(() => within((fleet) => run(fleet, one), { sessions: 5 }, shared))
  ).pipe(Effect.scoped, Effect.runPromise)

/** A worker is missed after 15 seconds, and on a busy machine so may be one that lives; milliseconds. */
const DISTURBED = 180_000

const named = (amount: number): ReadonlyArray<string> =>
  Array.from({ length: amount }, (_, index) => `team-${String(index).padStart(2, "0")}`)

describe.skipIf(!hasPostgres).concurrent("a fleet", () => {
  it(
    "publishes every account as an undisturbed run does, though a worker dies, one freezes, and the database restarts",
    () =>
      within(
        async (fleet) => {
          const accounts = named(60)
          fleet.writeAccounts(Object.fromEntries(accounts.map((name) => [name, NEVER])))
          const args = ["--concurrency", "1", "--parallel", "4"]
          const [dies, freezes, stays] = await Promise.all(
            ["dies", "freezes", "stays"].map((name) => fleet.start(name, args))
          )
          assert(dies !== undefined && freezes !== undefined && stays !== undefined)
          await Promise.all([dies, freezes, stays].map(isReady))
          await makeDue(fleet)
          await until(() =>
            ["dies", "freezes", "stays"].every((name) => fleet.asked.some(({ worker }) => worker === name))
          )
          await sleep(700)
          dies.child.kill("SIGKILL")
          freezes.child.kill("SIGSTOP")
          await sleep(300)
          await fleet.postgres.shutDown()
          await sleep(1000)
          await fleet.postgres.startAgain()
          await until(async () => (await count(fleet, "fleet_account WHERE last_success IS NOT NULL")) === 60)
          freezes.child.kill("SIGCONT")
          await until(() => freezes.log().includes("took over"))
          for (const { child } of [freezes, stays]) child.kill("SIGTERM")
          assert.deepStrictEqual(await Promise.all([freezes.ended, stays.ended]), [143, 143])

          const plain = { HYPERBROWSER_API_KEY: fleet.simulator.apiKey, HYPERBROWSER_BASE_URL: fleet.simulator.url }
          const out = join(fleet.directory, "plain")
          const [code] = await once(spawn(process.execPath, [bin, "run", "--out", out], { env: plain }), "close")
          assert.strictEqual(code, 0)
          const expected = readFileSync(join(out, "sessions.csv"), "utf8")
          for (const account of accounts) {
            assert.strictEqual(readFileSync(join(fleet.outOf(account), "sessions.csv"), "utf8"), expected, account)
            const workers = workersBeforeWaking(fleet.asked, account, "freezes")
            assert.isAtMost(workers.length, 2, `${account}: ${workers.join()}\n${freezes.log().slice(-4000)}`)
            if (workers.length === 2) assert.include(["dies", "freezes"], workers[0])
          }
          assert.strictEqual(await count(fleet, "job WHERE state <> 'completed'"), 0)
          assert.strictEqual(await count(fleet, "fleet_account WHERE failed OR worker IS NOT NULL OR failures > 0"), 0)
          // Once when the database went, and once when it was back.
          assert.lengthOf(stays.log().match(/WARN the database is unavailable/g) ?? [], 1)
          assert.lengthOf(stays.log().match(/INFO the database is back/g) ?? [], 1)
          for (const { log } of [dies, freezes, stays]) assert.notMatch(log(), /s3cr3t|\n {4}at /)
        },
        { sessions: 60, latency: "100 millis" }
      ),
    DISTURBED
  )

  it("finishes an export while the database is away for longer than a heartbeat, and lets no other worker begin it", () =>
    within(
      async (fleet) => {
        fleet.writeAccounts({ "team-a": NEVER })
        const args = ["--concurrency", "1"]
        const [one, two] = await Promise.all(["one", "two"].map((name) => fleet.start(name, args)))
        assert(one !== undefined && two !== undefined)
        await Promise.all([one, two].map(isReady))
        await makeDue(fleet)
        await until(() => fleet.asked.length > 0)
        await fleet.postgres.shutDown()
        await until(() => existsSync(join(fleet.outOf("team-a"), "manifest.json")))
        await sleep(17_000)
        await fleet.postgres.startAgain()
        await until(async () => (await count(fleet, "fleet_account WHERE last_success IS NOT NULL")) === 1)
        assert.deepStrictEqual(await fleet.sql("SELECT state, retry_count FROM job"), [
          { state: "completed", retry_count: "0" }
        ])
        assert.lengthOf(workersOf(fleet.asked, "team-a"), 1)
        await until(() => [one, two].every(({ log }) => log().includes("the database is back")))
        for (const { log } of [one, two]) {
          assert.lengthOf(log().match(/WARN the database is unavailable/g) ?? [], 1)
          assert.lengthOf(log().match(/INFO the database is back/g) ?? [], 1)
        }
      },
      { sessions: 60, latency: "200 millis" }
    ))

  it("follows the accounts file: accounts that are added, changed and removed, and a file with a mistake", () =>
    within(
      async (fleet) => {
        const often = 'cron = "* * * * * *"'
        fleet.writeAccounts({ stays: often, leaves: often, changes: often })
        const workers = await Promise.all(["one", "two"].map((name) => fleet.start(name)))
        await until(() => ["stays", "leaves", "changes"].every((name) => existsSync(fleet.outOf(name))))
        fleet.writeAccounts({ stays: often, changes: NEVER, comes: often })
        await until(() =>
          workers.every(({ log }) => log().includes("the accounts file has changed; it has 3 accounts"))
        )
        await until(async () => (await count(fleet, "fleet_account WHERE unlisted_since IS NOT NULL")) === 1)
        await until(() => existsSync(join(fleet.outOf("comes"), "manifest.json")))
        await until(async () => (await count(fleet, "job WHERE singleton_key = 'leaves' AND state = 'active'")) === 0)
        const rows = await fleet.sql(
          "SELECT account, cron FROM fleet_account WHERE account <> 'leaves' ORDER BY account"
        )
        assert.deepStrictEqual(
          rows.map(({ account, cron }) => [account, cron]),
          [
            ["changes", "0 0 1 1 *"],
            ["comes", "* * * * * *"],
            ["stays", "* * * * * *"]
          ]
        )
        await until(
          async () => (await count(fleet, "job WHERE singleton_key = 'changes' AND state < 'completed'")) === 0
        )
        const before = ["leaves", "changes", "stays"].map((name) => manifestOf(fleet.outOf(name)).generation)

        writeFileSync(fleet.accountsFile, "[accounts.stays]\ncrown = 1\n")
        await until(() => workers.every(({ log }) => log().includes("the previous accounts stay in use")))
        await until(() => manifestOf(fleet.outOf("stays")).generation > (before[2] ?? 0) + 2)
        assert.deepStrictEqual(
          ["leaves", "changes"].map((name) => manifestOf(fleet.outOf(name)).generation),
          before.slice(0, 2)
        )
        for (const { log } of workers) assert.lengthOf(log().match(/stay in use/g) ?? [], 1, log())

        // Its history is kept, and it goes on when it is back.
        assert.strictEqual(await count(fleet, "fleet_account WHERE account = 'leaves' AND last_success IS NOT NULL"), 1)
        assert.lengthOf(
          workers.flatMap(({ log }) => log().match(/WARN no worker's accounts file lists leaves: /g) ?? []),
          1
        )
        fleet.writeAccounts({ stays: often, changes: NEVER, comes: often, leaves: often })
        await until(() => manifestOf(fleet.outOf("leaves")).generation > (before[0] ?? 0))
        assert.strictEqual(await count(fleet, "fleet_account WHERE unlisted_since IS NOT NULL"), 0)
      },
      { sessions: 5 },
      shared
    ))

  it("hands a run back on SIGTERM: another worker goes on at once, from the checkpoint", () =>
    within(
      async (fleet) => {
        fleet.writeAccounts({ "team-a": NEVER })
        const args = ["--concurrency", "1", "--checkpoint-every", "100ms"]
        const stops = await fleet.start("stops", args)
        await isReady(stops)
        await makeDue(fleet)
        await until(() => fleet.asked.length > 8)
        const goesOn = await fleet.start("goes-on", args)
        await isReady(goesOn)
        stops.child.kill("SIGTERM")
        assert.strictEqual(await stops.ended, 143, stops.log())
        assert.include(stops.log(), "stopped, and handed back to the other workers")
        const asked = fleet.asked.length
        await until(async () => (await count(fleet, "fleet_account WHERE last_success IS NOT NULL")) === 1)
        assert.deepStrictEqual(workersOf(fleet.asked, "team-a"), ["stops", "goes-on"])
        assert.isBelow(fleet.asked.length - asked, 20, "of 20 pages, and the checks of the proof")
        assert.lengthOf(publishedIds(fleet.outOf("team-a")), 200)
        // Neither a loss of a worker nor a failure.
        assert.deepStrictEqual(await fleet.sql("SELECT state, retry_count FROM job ORDER BY created_on"), [
          { state: "completed", retry_count: "0" },
          { state: "completed", retry_count: "0" }
        ])
        assert.strictEqual(await count(fleet, "fleet_worker"), 1)
      },
      { sessions: 200, latency: "100 millis" },
      shared
    ))

  it("ends within the grace period, though an export does not", () =>
    within(
      async (fleet) => {
        fleet.writeAccounts({ "team-a": NEVER })
        const worker = await fleet.start("one", ["--grace-period", "1s"])
        await isReady(worker)
        await makeDue(fleet)
        await until(() => fleet.asked.length > 0)
        worker.child.kill("SIGTERM")
        assert.strictEqual(await worker.ended, 143)
        assert.include(worker.log(), "not everything stopped within --grace-period (1s)")
        assert.strictEqual(await count(fleet, "job WHERE state = 'active'"), 1)
      },
      { sessions: 20, latency: "1 minute" },
      shared
    ))

  it("ends within the grace period, though the database does not answer", () =>
    within(
      async (fleet) => {
        fleet.writeAccounts({ "team-a": NEVER })
        let isFrozen = false
        const pipe = createServer((socket) => {
          const server = connect(shared.port, "127.0.0.1")
          for (const [from, to] of [
            [socket, server],
            [server, socket]
          ] as const) {
            from.on("data", (data) => isFrozen || to.write(data)).on("error", () => to.destroy())
            from.on("close", () => to.destroy())
          }
        })
        await once(pipe.listen(0, "127.0.0.1"), "listening")
        const url = new URL(shared.url)
        url.port = String((pipe.address() as AddressInfo).port)
        const worker = await fleet.start("one", ["--grace-period", "1s"], { HB_SESSIONS_EXPORT_DATABASE: url.href })
        await isReady(worker)
        isFrozen = true
        // It asks for jobs every second, and waits 15 seconds for an answer.
        await sleep(1500)
        worker.child.kill("SIGTERM")
        assert.strictEqual(await Promise.race([worker.ended, sleep(10_000)]), 143)
        assert.include(worker.log(), "not everything stopped within --grace-period (1s)")
        pipe.close()
      },
      { sessions: 5 },
      shared
    ))

  it("retries what may pass, and tells people once, when an account has failed", () =>
    withRecipient(async (fleet, { told, url }) => {
      writeFileSync(join(fleet.directory, "wrong"), "not-the-key")
      fleet.writeAccounts({
        down: `${NEVER}\nbase_url = "http://127.0.0.1:9"`,
        "wrong-key": `${NEVER}\napi_key_file = "wrong"`,
        fine: NEVER
      })
      const args = ["--notify-url", url, "--run-retries", "2", "--retry-delay", "10ms"]
      const worker = await fleet.start("one", args)
      await isReady(worker)
      await makeDue(fleet)
      await until(async () => (await count(fleet, "fleet_account WHERE failed")) === 2)
      const rows = await fleet.sql(
        "SELECT account, failed, failures, last_exit_code FROM fleet_account ORDER BY account"
      )
      assert.deepStrictEqual(rows, [
        { account: "down", failed: "t", failures: "3", last_exit_code: "4" },
        { account: "fine", failed: "f", failures: "0", last_exit_code: "" },
        { account: "wrong-key", failed: "t", failures: "1", last_exit_code: "3" }
      ])
      assert.sameMembers(
        notificationsOf(told).map(({ account, exitCode }) => `${account} ${exitCode}`),
        ["down 4", "wrong-key 3"]
      )
      assert.strictEqual(await count(fleet, "job WHERE state <> 'completed'"), 0)
      assert.lengthOf(worker.log().match(/INFO down: retrying in/g) ?? [], 2)
      // The next time of the schedule is another matter.
      await makeDue(fleet, "account = 'down'")
      await until(() => notificationsOf(told).length === 3)
    }))

  it("gives up an account whose workers died again and again, and tells people", () =>
    withRecipient(async (fleet, { told, url }) => {
      fleet.writeAccounts({ "team-a": NEVER })
      const worker = await fleet.start("one", ["--notify-url", url])
      await isReady(worker)
      await fleet.sql("UPDATE fleet_account SET paused = true")
      // As eleven workers in a row left it.
      await fleet.sql(
        `INSERT INTO job (name, singleton_key, data, state, policy, retry_limit, retry_count, dead_letter, heartbeat_seconds, heartbeat_on, started_on, expire_seconds)
          VALUES ('export', 'team-a', '{"account": "team-a", "reason": "enqueued", "failures": 0}', 'active', 'exclusive', 10, 10, 'export-lost', 15, now() - interval '1 minute', now(), 80000)`
      )
      await until(async () => (await count(fleet, "fleet_account WHERE failed AND last_exit_code = 1")) === 1)
      await until(() => told.length > 0)
      const [notification] = notificationsOf(told)
      assert.match(notification?.message ?? "", /^its workers died or froze 11 times in a row/)
      assert.strictEqual(await count(fleet, "job WHERE state = 'failed'"), 1)
      assert.lengthOf(fleet.asked, 0)
    }))

  it("tells once that an account is stale, however many workers there are", () =>
    withRecipient(async (fleet, { told, url }) => {
      const stale = `${NEVER}\nstale_after = "1 hour"`
      fleet.writeAccounts({ "never-ran": stale, fresh: stale, "not-watched": NEVER })
      const args = ["--notify-url", url]
      const workers = await Promise.all(["one", "two"].map((name) => fleet.start(name, args)))
      await Promise.all(workers.map(isReady))
      await makeDue(fleet, "account = 'fresh'")
      await until(async () => (await count(fleet, "fleet_account WHERE last_success IS NOT NULL")) === 1)
      await fleet.sql("UPDATE fleet_account SET created = now() - interval '2 hours'")
      await until(() => told.length > 0)
      assert.deepStrictEqual(
        notificationsOf(told).map(({ account, message, outcome }) => ({ account, message, outcome })),
        [{ account: "never-ran", outcome: "stale", message: "nothing is published" }]
      )
      // Two workers look every 5 seconds.
      await sleep(6000)
      assert.lengthOf(told, 1)
    }))

  it("publishes to buckets whose leases a dead worker and a frozen one hold; the frozen one asks for nothing more", () =>
    within(
      async (fleet) => {
        const store = await startObjectStore({})
        try {
          const inBucket = (name: string) => ({ [name]: `${NEVER}\nout = "s3://exports/${name}"` })
          fleet.writeAccounts({ ...inBucket("team-a"), ...inBucket("team-b") })
          // With more pages in flight a worker that wakes up could send one request for each.
          const args = ["--parallel", "1", "--concurrency", "1"]
          const start = (name: string) => fleet.start(name, args, store.environment)
          const [dies, freezes] = await Promise.all([start("dies"), start("freezes")])
          await Promise.all([dies, freezes].map(isReady))
          await makeDue(fleet)
          await until(() =>
            ["dies", "freezes"].every((name) => fleet.asked.filter(({ worker }) => worker === name).length > 1)
          )
          dies.child.kill("SIGKILL")
          freezes.child.kill("SIGSTOP")
          const takesOver = await start("takes-over")
          await isReady(takesOver)
          await until(async () => (await count(fleet, "fleet_account WHERE last_success IS NOT NULL")) === 2)
          freezes.child.kill("SIGCONT")
          await until(() => freezes.log().includes("took over"))
          assert.sameDeepMembers(
            ["team-a", "team-b"].map((account) => workersBeforeWaking(fleet.asked, account, "freezes")),
            [
              ["dies", "takes-over"],
              ["freezes", "takes-over"]
            ]
          )
          assert.strictEqual(await count(fleet, "fleet_account WHERE last_rows = 200 AND failures = 0"), 2)
        } finally {
          await store.stop()
        }
      },
      { sessions: 200, latency: "200 millis" },
      shared
    ))

  it("keeps all workers together to the rate of --fleet-rate, also while the database is away", () =>
    within(
      async (fleet) => {
        const accounts = named(6)
        fleet.writeAccounts(Object.fromEntries(accounts.map((name) => [name, NEVER])))
        const args = ["--fleet-rate", "40", "--parallel", "3", "--page-size", "10"]
        const workers = await Promise.all(["one", "two"].map((name) => fleet.start(name, args)))
        await Promise.all(workers.map(isReady))
        await makeDue(fleet)
        await until(() => fleet.asked.length > 40)
        await fleet.postgres.shutDown()
        await sleep(3000)
        await fleet.postgres.startAgain()
        await until(async () => (await count(fleet, "fleet_account WHERE last_success IS NOT NULL")) === 6)
        const times = fleet.asked.map(({ from }) => from).toSorted((a, b) => a - b)
        assert.isAbove(times.length, 240)
        // A request may come late, and so close to the next one: by a second, and more where the machine is busy.
        for (const [at, time] of times.entries()) {
          for (const width of [80, 160]) {
            const last = times[at + width]
            if (last !== undefined)
              assert.isAbove(last - time, (width / 40 - 1.5) * 1000, `requests ${at} to ${at + width}`)
          }
        }
      },
      { sessions: 400 }
    ))
})
