/**
 * What `deploy/load-postgresql.sh` makes of an export, in a real server.
 */
import { assert, describe, it } from "@effect/vitest"
import * as SessionsColumns from "@hb-sessions/core/SessionsColumns"
import { hasPostgres, type Postgres, startPostgres } from "@hb-sessions/postgres/Postgres"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { Effect } from "effect"
import { execFileSync, spawnSync } from "node:child_process"
import { readFileSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { currentOf, type List, serve, tombstonesOf } from "./list.ts"
import { environment, hasProgram, manifestOf, run, scratch } from "./support.ts"

const script = fileURLToPath(new URL("../deploy/load-postgresql.sh", import.meta.url))

// oxlint-disable-next-line no-console
if (!hasPostgres) console.warn("skipped: the tests that need PostgreSQL, which is not installed here")
const canRun = hasPostgres && hasProgram("jq", "--version") && hasProgram("zstd", "--version")

const server = Effect.acquireRelease(Effect.promise(startPostgres), ({ stop }) => Effect.promise(stop))

const environmentOf = ({ env }: Postgres) => ({ PATH: process.env["PATH"], ...env })

const load = (postgres: Postgres, out: string) =>
  spawnSync(script, [out], { encoding: "utf8", env: environmentOf(postgres) })

const ask = (postgres: Postgres, sql: string): any =>
  JSON.parse(
    execFileSync(
      "psql",
      ["--no-psqlrc", "--tuples-only", "--no-align", "--command", `SELECT coalesce(json_agg(_), '[]') FROM (${sql}) _`],
      {
        encoding: "utf8",
        env: environmentOf(postgres),
        maxBuffer: 1e8
      }
    )
  )

type Cell = string | number | boolean | null

/** A cell of the CSV as the table has it; times as epoch milliseconds. */
const expected = (column: string, cell: string): Cell => {
  if (cell === "") return null
  switch (SessionsColumns.columnType(column)) {
    case "text":
      return cell
    case "boolean":
      return cell === "true"
    case "number":
      return Number(cell)
    case "time":
      return /^(?!0000)\d{4}-/.test(cell) ? Date.parse(cell) : null
  }
}

/** The table is what a reader has who follows the manifest. */
const assertSame = (postgres: Postgres, out: string) => {
  const rows: ReadonlyArray<Record<string, Cell>> = ask(postgres, "SELECT * FROM sessions")
  const found = rows.map((row) =>
    Object.entries(row).map(([column, value]) => [
      column,
      SessionsColumns.isTimeColumn(column) && typeof value === "string" ? Date.parse(value) : value
    ])
  )
  const byId = (a: Record<string, Cell>, b: Record<string, Cell>) => (String(a["id"]) < String(b["id"]) ? -1 : 1)
  assert.deepStrictEqual(
    found.map((entries) => Object.fromEntries(entries)).toSorted(byId),
    [...currentOf(out).values()]
      .map((row) => Object.fromEntries(Object.entries(row).map(([column, cell]) => [column, expected(column, cell)])))
      .toSorted(byId)
  )
  assert.strictEqual(rows.length, manifestOf(out).current)
}

const succeed = (postgres: Postgres, out: string) => {
  const { status, stderr, stdout } = load(postgres, out)
  assert.deepStrictEqual([status, stdout, stderr], [0, "", ""])
}

describe.skipIf(!canRun)("the table of PostgreSQL", () => {
  it.live("has what the manifest leads to, night after night, whether all of them are loaded or not", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const postgres = yield* server
      const out = join(yield* scratch, 'it\'s a "directory"')
      let compactions = 0
      for (let night = 0; night < 9; night++) {
        yield* simulator.mutate("start", 5)
        yield* simulator.mutate("end", 6)
        if (night % 2 === 1) yield* simulator.mutate("purge", 2)
        const words = ["run", "--out", out, "--mode", "incremental", "--full-every", "0", "--compact-after", "3"]
        const { code, stderr } = yield* run(environment(simulator), ...words)
        assert.strictEqual(code, 0, stderr)
        if (manifestOf(out).compacts !== undefined) compactions++
        // Tombstones and a compaction are missed, too.
        if (night === 1 || night === 4 || night === 5) continue
        succeed(postgres, out)
        assertSame(postgres, out)
      }
      assert.isAbove(compactions, 1)
      const [before] = ask(postgres, "SELECT xmin::text, count(*) FROM sessions GROUP BY 1 ORDER BY 2 DESC LIMIT 1")
      succeed(postgres, out)
      const [after] = ask(postgres, "SELECT xmin::text, count(*) FROM sessions GROUP BY 1 ORDER BY 2 DESC LIMIT 1")
      assert.deepStrictEqual(after, before, "what is loaded is not written again")
      // Another export in the place of this one, with fewer generations.
      const other = join(yield* scratch, "other")
      yield* run(environment(simulator), "run", "--out", other, "--compress", "zstd", "--partition", "month")
      const csv = join(yield* scratch, "csv")
      yield* run(environment(simulator), "run", "--out", csv)
      succeed(postgres, other)
      assertSame(postgres, csv)
    }).pipe(Effect.provide(Simulator.layer({ sessions: 80, activeShare: 0.5 })), Effect.scoped)
  )

  it.live("has only what is new written, and what has left deleted, by one transaction", () =>
    Effect.gen(function* () {
      const postgres = yield* server
      const out = yield* scratch
      const rows = (...ids: ReadonlyArray<string>) =>
        ids.map((id) => ({ id, status: "closed", createdAt: "2026-01-01" }))
      const list: List = { rows: rows("a", "b", "c") }
      const env = yield* serve(list)
      const words = ["run", "--out", out, "--mode", "incremental", "--full-every", "0", "--compact-after", "0"]
      yield* run(env, ...words)
      succeed(postgres, out)
      const [first] = ask(postgres, "SELECT xmin::text FROM sessions WHERE id = 'a'")
      list.rows = [{ id: "d", status: "active", createdAt: "2026-01-02" }, ...rows("a", "c")]
      yield* run(env, ...words)
      assert.lengthOf(tombstonesOf(out), 1)
      const file = join(out, manifestOf(out).tombstones[0]?.path ?? "")
      const whole = readFileSync(file)
      truncateSync(file, whole.length - 3)
      const { status, stderr } = load(postgres, out)
      assert.notStrictEqual(status, 0)
      assert.include(stderr, "json")
      assert.deepStrictEqual(ask(postgres, "SELECT id FROM sessions ORDER BY id"), [
        { id: "a" },
        { id: "b" },
        { id: "c" }
      ])
      writeFileSync(file, whole)
      succeed(postgres, out)
      assertSame(postgres, out)
      assert.deepStrictEqual(ask(postgres, "SELECT xmin::text FROM sessions WHERE id = 'a'"), [first])
    }).pipe(Effect.scoped)
  )

  it.live("has odd values, and keys outside the contract as text", () =>
    Effect.gen(function* () {
      const postgres = yield* server
      const out = yield* scratch
      const texts = ['"quoted", \r\n\tlines', "emoji 👩‍👩‍👧 漢字", "\\N", "\\.", "NULL", "x".repeat(100_000), "a\0b"]
      const list = {
        rows: [
          ...texts.map((text, index) => ({
            id: `text-${index}${text.slice(0, 9)}`,
            status: text,
            'it\'s "odd"': text
          })),
          { id: "times", createdAt: 8.64e15, startTime: -62_167_219_200_000, endTime: -1, updatedAt: "2026-01-31" },
          {
            id: "numbers",
            creditsUsed: 1.7976931348623157e308,
            launchState: { screen: { width: 5e-324, height: 0.1 } }
          },
          { id: "flags", launchState: { useProxy: true, adblock: false, more: [1, { deep: "x" }] } }
        ]
      }
      const { code } = yield* run(
        yield* serve(list),
        "run",
        "--out",
        out,
        "--columns",
        "status,*",
        "--compress",
        "gzip"
      )
      assert.strictEqual(code, 0)
      const plain = yield* scratch
      yield* run(yield* serve(list), "run", "--out", plain, "--columns", "status,*")
      succeed(postgres, out)
      assertSame(postgres, plain)
      assert.deepStrictEqual(ask(postgres, `SELECT "it's ""odd""" AS text FROM sessions WHERE status = '\\N'`), [
        { text: "\\N" }
      ])
    }).pipe(Effect.scoped)
  )

  it.live("has the columns of the contract with its types", () =>
    Effect.gen(function* () {
      const postgres = yield* server
      const out = yield* scratch
      const env = yield* serve({ rows: [] })
      yield* run(env, "run", "--out", out)
      succeed(postgres, out)
      assertSame(postgres, out)
      const types = { text: "text", number: "double precision", boolean: "boolean", time: "timestamp with time zone" }
      assert.deepStrictEqual(
        ask(
          postgres,
          "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'sessions' ORDER BY ordinal_position"
        ),
        SessionsColumns.columns.map((column) => ({
          column_name: column,
          data_type: types[SessionsColumns.columnType(column)]
        }))
      )
      // What cannot be loaded is told before anything is done.
      yield* run(env, "run", "--out", out, "--format", "ndjson")
      assert.deepStrictEqual(
        [load(postgres, out).status, load(postgres, out).stderr],
        [2, "the export must be CSV in the plain dialect, with the column id\n"]
      )
      assert.notStrictEqual(load(postgres, join(out, "none")).status, 0)
    }).pipe(Effect.scoped)
  )
})
