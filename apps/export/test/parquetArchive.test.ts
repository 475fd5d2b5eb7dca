/**
 * Parquet files of incremental exports, of compaction, and of runs that are killed while they make them.
 */
import { assert, describe, it } from "@effect/vitest"
import type * as Bin from "@hb-sessions/app-kit/Bin"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { Effect, Schedule } from "effect"
import { existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { parquetRows, type Row, rowsOfTable } from "./duckdb.ts"
import { currentOf, type List, serve, tombstonesOf } from "./list.ts"
import { store } from "./s3.ts"
import { environment, launch, leftOvers, manifestOf, run, scratch } from "./support.ts"

const incremental = (out: string, ...more: ReadonlyArray<string>) => [
  "run",
  "--out",
  out,
  "--mode",
  "incremental",
  "--full-every",
  "0",
  ...more
]

/** What a reader makes of the manifest: the last row of each session, without those that have left. */
const currentRows = Effect.fnUntraced(function* (out: string) {
  const { files } = manifestOf(out)
  const found = new Map<string, { readonly row: Row; readonly generation: number }>()
  for (const { generation, path } of files) {
    for (const row of yield* parquetRows(join(out, path))) found.set(String(row["id"]), { row, generation })
  }
  for (const { generation, id } of tombstonesOf(out)) {
    if ((found.get(id)?.generation ?? Infinity) <= generation) found.delete(id)
  }
  return new Map([...found].map(([id, { row }]) => [id, row]))
})

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8")

/** The SQL of the README that makes the current table of an export. */
const recipe = (out: string): string => {
  const [, sql = ""] = /```sql\n(-- DuckDB\nSET VARIABLE[^]*?)```/.exec(readme) ?? []
  assert.include(sql, "/var/lib/hb-sessions-archive/")
  return sql.replace("/var/lib/hb-sessions-archive/", `${out}/`)
}

const succeed = Effect.fnUntraced(function* (env: Bin.Env, ...args: ReadonlyArray<string>) {
  const { code, stderr, stdout } = yield* run(env, ...args)
  assert.strictEqual(code, 0, stderr + stdout)
  return stdout
})

describe("an incremental export in Parquet", () => {
  for (const [both, parquetOnly] of [
    [[], []],
    [
      ["--partition", "month"],
      ["--compress", "snappy"]
    ]
  ] as const) {
    it.live(
      `has the sessions of one in CSV, before compaction and after it: ${[...both, ...parquetOnly].join(" ")}`,
      () =>
        Effect.gen(function* () {
          const simulator = yield* Simulator
          const root = yield* scratch
          const [csv, parquet] = [join(root, "csv"), join(root, "parquet")]
          const inParquet = ["--format", "parquet", "--compact-after", "0", ...both, ...parquetOnly]
          for (let night = 0; night < 4; night++) {
            yield* simulator.mutate("start", 5)
            yield* simulator.mutate("end", 7)
            if (night % 2 === 1) yield* simulator.mutate("purge", 2)
            yield* succeed(environment(simulator), ...incremental(parquet, ...inParquet))
            yield* succeed(environment(simulator), ...incremental(csv, "--compact-after", "0", ...both))
          }
          const before = manifestOf(parquet)
          assert.isAbove(before.files.length, new Set(before.files.map(({ partition }) => partition)).size)
          assert.isAbove(before.tombstones.length, 0)
          const rows = yield* currentRows(parquet)
          assert.sameMembers([...rows.keys()], [...currentOf(csv).keys()])
          for (const [id, row] of currentOf(csv)) {
            const found = rows.get(id)
            assert.deepStrictEqual(
              [found?.["status"], found?.["creditsUsed"], found?.["endTime"]],
              [
                row["status"],
                row["creditsUsed"] === "" ? null : Number(row["creditsUsed"]),
                row["endTime"] === "" ? null : BigInt(Date.parse(row["endTime"] ?? "")) * 1000n
              ]
            )
          }
          assert.deepStrictEqual(
            new Map((yield* rowsOfTable(recipe(parquet))).map((row) => [String(row["id"]), row])),
            new Map(rows)
          )
          yield* succeed({}, "compact", "--out", parquet)
          const after = manifestOf(parquet)
          assert.deepStrictEqual([after.compacts, after.tombstones], [before.generation, []])
          assert.strictEqual(after.files.length, new Set(before.files.map(({ partition }) => partition)).size)
          assert.deepStrictEqual(after.selection, before.selection)
          const compacted = yield* parquetRows(...after.files.map(({ path }) => join(parquet, path)))
          assert.deepStrictEqual(new Map(compacted.map((row) => [String(row["id"]), row])), new Map(rows))
          assert.strictEqual(compacted.length, after.current)
          yield* succeed({}, "verify", "--out", parquet)
          assert.include(
            yield* succeed(environment(simulator), "inspect", ...incremental(parquet, ...inParquet).slice(1)),
            "format parquet"
          )
          yield* succeed(environment(simulator), ...incremental(parquet, ...inParquet))
          assert.strictEqual((yield* currentRows(parquet)).size, manifestOf(parquet).current)
          assert.deepStrictEqual(leftOvers(parquet), [])
        }).pipe(Effect.provide(Simulator.layer({ sessions: 60, activeShare: 0.5, seed: "parquet" })), Effect.scoped)
    )
  }

  it.live("knows sessions by their ids whatever is in these, and keeps what no cell holds", () =>
    Effect.gen(function* () {
      const rowsOf = (status: string, ...ids: ReadonlyArray<string>) =>
        ids.map((id) => `{"id":"${id}","status":"${status}","createdAt":1,"endTime":"soon","big":9007199254740993}`)
      let rows = rowsOf("active", "a\\ud83d", "\\ufeffb", "c\\u0000")
      const list: List = {
        rows: [],
        answer: (page, response) => {
          const sessions = page === 1 ? rows.join() : ""
          response.end(`{"sessions":[${sessions}],"totalCount":${rows.length},"page":${page},"pageSize":10}`)
          return true
        }
      }
      const env = yield* serve(list)
      const out = yield* scratch
      const words = incremental(
        out,
        "--format",
        "parquet",
        "--columns",
        "id,status,endTime,big",
        "--compact-after",
        "0"
      )
      yield* succeed(env, ...words)
      rows = rowsOf("closed", "a\\ud83d", "\\ufeffb")
      yield* succeed(env, ...words)
      assert.deepStrictEqual(
        tombstonesOf(out).map(({ id }) => id),
        ["c\0"]
      )
      rows = rowsOf("closed", "\\ufeffb")
      yield* succeed(env, ...words)
      assert.deepStrictEqual(
        tombstonesOf(out).map(({ id }) => id),
        ["c\0", "a\uFFFD"]
      )
      yield* succeed({}, "compact", "--out", out)
      const big = "9007199254740993"
      const rescued = '{"endTime":"soon"}'
      assert.deepStrictEqual(yield* parquetRows(join(out, "sessions.parquet")), [
        { id: "\uFEFFb", status: "closed", endTime: null, big, _rescued_data: rescued }
      ])
    }).pipe(Effect.scoped)
  )

  it.live("is the same in a bucket: tombstones and compaction read the files that are there", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const bucket = yield* store()
      const root = yield* scratch
      const [csv, file] = [join(root, "csv"), join(root, "sessions.parquet")]
      const env = { ...environment(simulator), ...bucket.environment }
      const url = "s3://exports/parquet"
      for (let night = 0; night < 3; night++) {
        yield* simulator.mutate("start", 3)
        if (night === 1) yield* simulator.mutate("purge", 2)
        yield* succeed(env, ...incremental(url, "--format", "parquet", "--compact-after", night === 2 ? "1" : "0"))
        yield* succeed(env, ...incremental(csv))
        const tombstones = bucket.contents.keys("exports").filter((key) => key.endsWith("tombstones.ndjson"))
        assert.strictEqual(tombstones.length, night === 0 ? 0 : 1)
      }
      yield* succeed(env, "verify", "--out", url)
      writeFileSync(file, bucket.contents.object("exports", "parquet/sessions.parquet")?.body ?? "")
      assert.sameMembers(
        (yield* parquetRows(file)).map((row) => String(row["id"])),
        [...currentOf(csv).keys()]
      )
    }).pipe(Effect.provide(Simulator.layer({ sessions: 30, activeShare: 0.5 })), Effect.scoped)
  )

  it.live("is left as it is when a file of it cannot be read, which is told in one line", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const out = join(yield* scratch, "out")
      for (let night = 0; night < 2; night++) {
        yield* simulator.mutate("start", 5)
        yield* succeed(environment(simulator), ...incremental(out, "--format", "parquet"))
      }
      const { files, generation } = manifestOf(out)
      const file = join(out, files[0]?.path ?? "")
      for (const size of [statSync(file).size - 1, 100, 0]) {
        truncateSync(file, size)
        const { code, stderr } = yield* run({}, "compact", "--out", out)
        assert.strictEqual(code, 74)
        assert.match(stderr, /^.*sessions\.parquet cannot be read: .*\n$/)
        const verified = yield* run({}, "verify", "--out", out)
        assert.strictEqual(verified.code, 74)
        assert.include(verified.stderr + verified.stdout, "sessions.parquet: ")
      }
      assert.strictEqual(manifestOf(out).generation, generation)
    }).pipe(Effect.provide(Simulator.layer({ sessions: 30 })), Effect.scoped)
  )
})

describe("a run that is killed while it makes a Parquet file", () => {
  it.live(
    "publishes nothing, and the next one publishes what an undisturbed run would, without reading it all again",
    () =>
      Effect.gen(function* () {
        const simulator = yield* Simulator
        const env = environment(simulator)
        const root = yield* scratch
        const [out, undisturbed] = [join(root, "out"), join(root, "undisturbed")]
        const words = ["--format", "parquet", "--page-size", "100"]
        yield* succeed(env, "run", "--out", undisturbed, ...words)
        const whole = (yield* simulator.stats).requests
        for (let round = 0; round < 3; round++) {
          const { child, ended } = launch(env, ["run", "--out", out, ...words])
          const isMade = () =>
            existsSync(out) && readdirSync(out).some((name) => existsSync(join(out, name, "data/sessions.parquet")))
          yield* Effect.sync(isMade).pipe(Effect.repeat({ until: (is) => is, schedule: Schedule.spaced("2 millis") }))
          child.kill("SIGKILL")
          assert.strictEqual(yield* Effect.promise(() => ended), null)
          assert.isFalse(existsSync(join(out, "manifest.json")))
        }
        yield* succeed(env, "run", "--out", out, ...words)
        assert.isAbove(manifestOf(out).resumed, 0)
        const [found, expected] = [
          yield* parquetRows(join(out, "sessions.parquet")),
          yield* parquetRows(join(undisturbed, "sessions.parquet"))
        ]
        assert.deepStrictEqual(found, expected)
        assert.deepStrictEqual(leftOvers(out), [])
        assert.isBelow((yield* simulator.stats).requests, 2 * whole + 20)
      }).pipe(Effect.provide(Simulator.layer({ sessions: 8000, activeShare: 0 })), Effect.scoped)
  )
})
