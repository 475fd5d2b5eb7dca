/**
 * What an operator asks of a fleet of built workers, on a real PostgreSQL.
 */
import * as Bin from "@hb-sessions/app-kit/Bin"
import { hasPostgres } from "@hb-sessions/postgres/Postgres"
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, writeFileSync } from "node:fs"
import { type AddressInfo, createServer, type Socket } from "node:net"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { type Fleet, isReady, NEVER, startFleet, until, type WorkerProcess } from "./fleet.ts"
import { bin, runHere } from "./support.ts"

let fleet: Fleet
beforeAll(async () => {
  if (hasPostgres) fleet = await startFleet({ sessions: 30 })
}, 60_000)
afterAll(() => fleet?.stop())

const environment = (): Bin.Env => ({ HB_SESSIONS_EXPORT_DATABASE: fleet.postgres.url })

const operate = (...args: ReadonlyArray<string>) => Effect.runPromise(Bin.run(bin, ["fleet", ...args], environment()))

const status = async (...args: ReadonlyArray<string>) => {
  const { code, stderr, stdout } = await operate("status", "--format", "json", ...args)
  assert.notStrictEqual(stdout, "", stderr)
  const parsed = JSON.parse(stdout)
  const of = (account: string) =>
    parsed.accounts.find((one: { readonly account: string }) => one.account === account) ?? {}
  return { code, stderr, of, workers: parsed.workers, accounts: parsed.accounts }
}

const started = async (name: string): Promise<WorkerProcess> => {
  const worker = await fleet.start(name, [], { HB_SESSIONS_EXPORT_DATABASE_SCHEMA: "hb_sessions" })
  await isReady(worker)
  return worker
}

const stop = async ({ child, ended }: WorkerProcess) => {
  child.kill("SIGTERM")
  await ended
}

describe.skipIf(!hasPostgres)("a fleet and its operator (PostgreSQL is not installed where this is skipped)", () => {
  it("before there is one, is told to be started, and nothing is created", async () => {
    for (const { code, stderr } of await Promise.all(["status", "enqueue", "pause"].map((name) => operate(name)))) {
      assert.strictEqual(code, 2)
      assert.match(
        stderr,
        /^hb-sessions-export: .*there is no fleet in the schema hb_sessions; start a worker first.*\n$/
      )
    }
    assert.deepStrictEqual(await fleet.sql("SELECT nspname FROM pg_namespace WHERE nspname = 'hb_sessions'"), [])
  })

  it("exports what is enqueued, once, and tells how that went", async () => {
    fleet.writeAccounts({
      "team-a": NEVER,
      "team-b": `${NEVER}\nstale_after = "30 days"`,
      "team-broken": `${NEVER}\napi_key_file = "late"`,
      "team-paused": NEVER
    })
    const worker = await started("one")
    const before = await status()
    assert.strictEqual(before.code, 1, "team-b has never been exported")
    assert.deepInclude(before.of("team-a"), { state: "never run", isKnown: true, failed: false, cron: "0 0 1 1 *" })
    assert.deepInclude(before.of("team-b"), {
      state: "stale",
      stale: "nothing is published",
      staleAfterSeconds: 2_592_000
    })
    assert.match(before.stderr, /^hb-sessions-export: 1 of 4 accounts is stale or failed: team-b; [^\n]*\n$/)
    assert.deepInclude(before.workers[0], { parallel: 4, running: 0 })

    assert.strictEqual((await operate("pause", "--only", "team-paused")).stdout, "team-paused: paused\n")
    assert.strictEqual((await operate("pause", "--only", "team-paused")).stdout, "team-paused: paused already\n")
    const enqueued = await operate("enqueue")
    assert.strictEqual(
      enqueued.stdout,
      "team-a: enqueued\nteam-b: enqueued\nteam-broken: enqueued\nteam-paused: paused\n"
    )
    assert.strictEqual(enqueued.code, 0, enqueued.stderr)
    await until(async () => {
      const { of } = await status()
      return of("team-a").published && of("team-b").published && of("team-broken").failed
    })
    const after = await status("--accounts", fleet.accountsFile)
    assert.deepInclude(after.of("team-a"), { state: "ok", isInFile: true, failures: 0 })
    assert.deepInclude(after.of("team-a").published, { generation: 1, sessions: 30, completeness: "proven" })
    assert.strictEqual(after.of("team-b").state, "ok")
    assert.deepInclude(after.of("team-broken"), { state: "failed", failures: 1 })
    assert.deepInclude(after.of("team-broken").lastError, { exitCode: 3 })
    assert.match(after.of("team-broken").lastError.message, /late/)
    assert.deepInclude(after.of("team-paused"), { state: "paused", paused: true })
    assert.isFalse(existsSync(fleet.outOf("team-paused")))
    assert.match(after.stderr, /1 of 4 accounts is stale or failed: team-broken;/)

    const named = await operate("enqueue", "--only", "team-paused")
    assert.strictEqual(named.code, 2)
    assert.match(named.stderr, /paused: team-paused; run fleet resume first/)
    assert.strictEqual((await operate("enqueue", "--only", "team-c")).code, 2)

    // Only what has failed is retried, once its cause is gone.
    writeFileSync(join(fleet.directory, "late"), fleet.simulator.apiKey)
    assert.strictEqual(
      (await operate("retry", "--only", "team-a,team-broken")).stdout,
      "team-a: has not failed, not retried\nteam-broken: enqueued\n"
    )
    await until(async () => (await status()).of("team-broken").published !== undefined)
    const repaired = await status()
    assert.strictEqual(repaired.code, 0, repaired.stderr)
    assert.deepInclude(repaired.of("team-broken"), { state: "ok", failed: false, failures: 0 })
    assert.strictEqual((await operate("retry")).stdout, "no account has failed\n")

    // A stale one by a bound of the operator's own, above that of the account.
    const strict = await status("--stale-after", "1ms", "--only", "team-b")
    assert.strictEqual(strict.code, 1)
    assert.strictEqual(strict.of("team-b").state, "stale")
    assert.lengthOf(strict.accounts, 1)
    await stop(worker)
  })

  it("with two that ask at the same time, has one run; a retry is brought forward", async () => {
    const asked = await Promise.all([1, 2, 3].map(() => operate("enqueue", "--only", "team-a")))
    assert.sameMembers(
      asked.map(({ stdout }) => stdout),
      ["team-a: enqueued\n", "team-a: waiting already\n", "team-a: waiting already\n"]
    )
    assert.strictEqual((await status()).of("team-a").state, "waiting")
    await fleet.sql("UPDATE hb_sessions.job SET start_after = now() + interval '1 day' WHERE state < 'active'")
    assert.strictEqual((await operate("enqueue", "--only", "team-a")).stdout, "team-a: brought forward\n")
    const [late] = await fleet.sql("SELECT start_after <= now() AS is_due FROM hb_sessions.job WHERE state < 'active'")
    assert.deepStrictEqual(late, { is_due: "t" })
    // Paused, nothing waits any more.
    await operate("pause", "--only", "team-a")
    assert.deepStrictEqual(await fleet.sql("SELECT id FROM hb_sessions.job WHERE state < 'active'"), [])
    assert.strictEqual(
      (await operate("resume")).stdout,
      "team-a: resumed\nteam-b: was not paused\nteam-broken: was not paused\nteam-paused: resumed\n"
    )
  })

  it("shows where an account runs; paused then, it goes on and is not retried", async () => {
    const sockets: Array<Socket> = []
    const silent = createServer((socket) => {
      sockets.push(socket)
    })
    await once(silent.listen(0, "127.0.0.1"), "listening")
    const { port } = silent.address() as AddressInfo
    fleet.writeAccounts({ slow: `${NEVER}\nbase_url = "http://127.0.0.1:${port}"`, other: NEVER })
    const worker = await started("two")
    await operate("enqueue", "--only", "slow")
    await until(() => sockets.length > 0)
    const running = await status()
    assert.strictEqual(running.of("slow").state, "running")
    assert.include(worker.log(), running.of("slow").running.worker)
    assert.strictEqual((await operate("enqueue", "--only", "slow")).stdout, "slow: running already\n")
    await operate("pause", "--only", "slow")
    assert.strictEqual((await status()).of("slow").state, "paused, running")

    silent.close()
    for (const socket of sockets) socket.destroy()
    await until(async () => (await status()).of("slow").running === undefined)
    const ended = await status()
    assert.deepInclude(ended.of("slow"), { state: "paused", failures: 1, failed: false })
    assert.strictEqual(ended.of("slow").lastError.exitCode, 4)
    await operate("resume", "--only", "slow")
    await operate("enqueue", "--only", "slow")
    await until(async () => (await status()).of("slow").state === "retrying")
    assert.strictEqual((await status()).code, 0, "it is neither stale nor failed")
    await stop(worker)
    const table = (await operate("status")).stdout.split("\n")
    assert.match(
      table[0] ?? "",
      /^account +state +last success +age +rows +completeness +next run +running on +since +last error$/
    )
    assert.match(table[2] ?? "", /^slow +retrying +- .*4: /)
    assert.match(table.at(-2) ?? "", /^no worker was seen within 60 s/)
    await operate("pause", "--only", "slow")
  })

  it("is compared with an accounts file", async () => {
    fleet.writeAccounts({ "team-new": NEVER, other: NEVER })
    const found = await status("--accounts", fleet.accountsFile)
    assert.strictEqual(found.of("team-new").state, "no worker has it")
    assert.strictEqual(found.of("slow").state, "paused, not in the file")
    assert.strictEqual(found.of("other").state, "never run")
    // What no worker lists is told, and removed on demand only.
    await fleet.sql("UPDATE hb_sessions.fleet_account SET unlisted_since = now() WHERE account IN ('slow', 'other')")
    const kept = await operate("forget", "--only", "other,slow,team-a", "--accounts", fleet.accountsFile)
    assert.strictEqual(kept.code, 2)
    assert.strictEqual(kept.stdout, "other: still listed\nslow: removed\nteam-a: still listed\n")
    assert.match(kept.stderr, /^hb-sessions-export: not removed: other, team-a; [^\n]*\n$/)
    const unlisted = await operate("enqueue", "--only", "other")
    assert.deepStrictEqual([unlisted.code, unlisted.stdout], [2, "other: unlisted\n"])
    assert.match(unlisted.stderr, /unlisted: other; add them to the accounts file/)
    assert.match((await operate("forget")).stderr, /--only is missing; give the accounts to forget/)
    assert.strictEqual((await operate("enqueue", "--accounts", fleet.accountsFile, "--only", "team-new")).code, 0)
    await fleet.sql("DELETE FROM hb_sessions.job WHERE state < 'active'")
  })

  it("of a thousand accounts, some with names that no file could have, is one answer", async () => {
    await fleet.sql(
      `INSERT INTO hb_sessions.fleet_account (account, last_message, failures, last_error_at)
        SELECT 'many-' || i, NULL, 0, NULL FROM generate_series(1, 1000) i
        UNION ALL VALUES (E'odd\\nname\\x1b[31m', E'two\\nlines', 1, now())`
    )
    const { code, stdout } = await operate("status")
    assert.strictEqual(code, 0)
    assert.lengthOf(stdout.split("\n"), 1 + 1006 + 3)
    assert.notInclude(stdout, "\x1B")
    const enqueued = await operate("enqueue")
    assert.lengthOf(enqueued.stdout.split("\n"), 1006 + 1)
    assert.notInclude(enqueued.stdout, "\x1B")
    assert.strictEqual(
      (await fleet.sql("SELECT count(*) AS n FROM hb_sessions.job WHERE state < 'active'"))[0]?.["n"],
      "1005"
    )
    await operate("pause")
    await fleet.sql("DELETE FROM hb_sessions.fleet_account WHERE account LIKE 'many-%' OR account LIKE 'odd%'")
  })

  it("is told to a reader that goes away", async () => {
    const child = spawn(process.execPath, [bin, "fleet", "status"], {
      env: { ...Bin.nodeEnv, ...environment() },
      stdio: ["ignore", "pipe", "pipe"]
    })
    child.stdout.destroy()
    let stderr = ""
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text))
    const [code] = await once(child, "close")
    assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: "" })
  })

  it("by a clock that is an hour off says so, and counts by that of the database", async () => {
    const env = { ...environment(), TEST_CLOCK_AHEAD: "3600000" }
    const { code, stderr } = await Effect.runPromise(runHere(env, "fleet", "status"))
    assert.strictEqual(code, 0)
    assert.match(stderr, /WARN the clock of the database is 3\d{3} s behind that of this machine/)
  })

  it("without its database, or with another version's tables, ends in one line", async () => {
    await fleet.postgres.shutDown()
    for (const { code, stderr } of await Promise.all(
      ["status", "enqueue", "retry", "pause", "resume"].map((name) => operate(name))
    )) {
      assert.strictEqual(code, 69)
      assert.match(
        stderr,
        /^hb-sessions-export: the database postgres at [^\n]*: nothing accepts connections there[^\n]*\n$/
      )
      assert.notInclude(stderr, fleet.postgres.password)
    }
    await fleet.postgres.startAgain()
    await fleet.sql("UPDATE hb_sessions.version SET version = version - 1")
    const old = await operate("enqueue")
    assert.strictEqual(old.code, 2)
    assert.match(old.stderr, /by an older version of this program; upgrade the workers/)
    await fleet.sql(
      "UPDATE hb_sessions.version SET version = version + 1; UPDATE hb_sessions.fleet_version SET version = 99"
    )
    const other = await operate("status")
    assert.strictEqual(other.code, 2)
    assert.match(other.stderr, /has version 99 of the fleet's tables/)
  })
})
