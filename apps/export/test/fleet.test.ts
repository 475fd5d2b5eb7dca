/**
 * A fleet of built programs on a real PostgreSQL: what happens to its workers and its database must not show in what is
 * published.
 */
import { hasPostgres } from "@hb-sessions/postgres/Postgres"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { assert, describe, it } from "vitest"
import { type Asked, type Fleet, startFleet, type WorkerProcess } from "./fleet.ts"
import { bin } from "./support.ts"

/** A schedule that is not due while the test runs. */
const NEVER = 'cron = "0 0 1 1 *"'

const until = async (isSo: () => boolean | Promise<boolean>): Promise<void> => {
  if (await isSo()) return
  await sleep(20)
  await until(isSo)
}

const isReady = ({ log }: WorkerProcess) => until(() => log().includes(" is ready: "))

/** Makes all accounts due, as when their time has come. */
const makeDue = (fleet: Fleet, where = "true") =>
  fleet.sql(`UPDATE hb_sessions.fleet_account SET next_due = now() WHERE ${where}`)

const count = async (fleet: Fleet, from: string): Promise<number> =>
  Number((await fleet.sql(`SELECT count(*) AS n FROM hb_sessions.${from}`))[0]?.["n"])

/** The workers that asked for an account, in order, each run of requests of one worker once. */
const workersOf = (asked: ReadonlyArray<Asked>, account: string): ReadonlyArray<string> =>
  asked
    .filter((one) => one.account === account)
    .map(({ worker }) => worker)
    .filter((worker, at, all) => worker !== all[at - 1])

const within = async (run: (fleet: Fleet) => Promise<void>, options: Parameters<typeof startFleet>[0]) => {
  const fleet = await startFleet(options)
  try {
    await run(fleet)
  } finally {
    await fleet.stop()
  }
}

const named = (amount: number): ReadonlyArray<string> =>
  Array.from({ length: amount }, (_, index) => `team-${String(index).padStart(2, "0")}`)

describe.skipIf(!hasPostgres).concurrent("a fleet", () => {
  it("publishes every account as an undisturbed run does, though a worker dies, one freezes, and the database restarts", () =>
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
          const workers = workersOf(fleet.asked, account)
          assert.isAtMost(workers.length, 2, `${account}: ${workers.join()}`)
          if (workers.length === 2) assert.include(["dies", "freezes"], workers[0])
        }
        assert.strictEqual(await count(fleet, "job WHERE state <> 'completed'"), 0)
        assert.strictEqual(await count(fleet, "fleet_account WHERE failed OR worker IS NOT NULL OR failures > 0"), 0)
        // Once when the database went, and once when it was back.
        assert.lengthOf(stays.log().match(/WARN the database is away/g) ?? [], 1)
        assert.lengthOf(stays.log().match(/INFO the database is back/g) ?? [], 1)
        for (const { log } of [dies, freezes, stays]) assert.notMatch(log(), /s3cr3t|\n {4}at /)
      },
      { sessions: 60, latency: "100 millis" }
    ))
})
