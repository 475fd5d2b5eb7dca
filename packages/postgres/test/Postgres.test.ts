import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { assert, describe, it } from "vitest"
import { hasPostgres, startPostgres, startPostgresTcp } from "../src/Postgres.ts"

if (!hasPostgres) console.warn("skipped: the tests that need PostgreSQL, which is not installed here")

describe.skipIf(!hasPostgres)("a server", () => {
  it("answers, beside others, and leaves nothing behind", async () => {
    const servers = await Promise.all([startPostgres(), startPostgres()])
    const ask = (at: number, sql: string) =>
      spawnSync("psql", ["--no-psqlrc", "--tuples-only", "--no-align", "--command", sql], {
        encoding: "utf8",
        env: { PATH: process.env["PATH"], ...servers[at]?.env }
      })
    try {
      assert.strictEqual(ask(0, "CREATE TABLE t AS SELECT 1 AS n; SELECT n FROM t").stdout.trim(), "SELECT 1\n1")
      assert.notStrictEqual(ask(1, "SELECT n FROM t").status, 0)
    } finally {
      await Promise.all(servers.map(({ stop }) => stop()))
    }
    assert.notStrictEqual(ask(0, "SELECT 1").status, 0)
    for (const { env } of servers) assert.isFalse(existsSync(env.PGHOST))
  })

  it("on a port wants a password, and has its data after it was ended and started again", async () => {
    const server = await startPostgresTcp()
    const ask = (sql: string, url: string) =>
      spawnSync("psql", ["--no-psqlrc", "--tuples-only", "--no-align", "--no-password", url, "--command", sql], {
        encoding: "utf8",
        env: { PATH: process.env["PATH"] }
      })
    try {
      assert.strictEqual(ask("CREATE TABLE t AS SELECT 1 AS n", server.url).status, 0)
      assert.notStrictEqual(ask("SELECT n FROM t", server.url.replace(server.password, "wrong")).status, 0)
      await server.shutDown()
      assert.notStrictEqual(ask("SELECT n FROM t", server.url).status, 0)
      await server.startAgain()
      assert.strictEqual(ask("SELECT n FROM t", server.url).stdout.trim(), "1")
    } finally {
      await server.stop()
    }
    assert.isFalse(existsSync(server.env.PGHOST))
  })

  it("with TLS has a certificate of its own name, and rejects what comes without", async () => {
    const server = await startPostgresTcp({ isTls: true, password: "p@ss/w%rd" })
    const ask = (url: string) =>
      spawnSync("psql", ["--no-psqlrc", "--tuples-only", "--no-align", "--no-password", url, "--command", "SELECT 1"], {
        encoding: "utf8",
        env: { PATH: process.env["PATH"] }
      })
    try {
      const verified = ask(`${server.url}?sslmode=verify-full&sslrootcert=${server.authority}`)
      assert.strictEqual(verified.stdout.trim(), "1", verified.stderr)
      assert.match(ask(`${server.url}?sslmode=disable`).stderr, /no pg_hba.conf entry .* no encryption/)
    } finally {
      await server.stop()
    }
  })
})
