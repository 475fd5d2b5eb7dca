/**
 * Parquet files, read by DuckDB and compared with the CSV of the same sessions.
 */
import { assert, describe, it } from "@effect/vitest"
import type * as Bin from "@hb-sessions/app-kit/Bin"
import { columnType } from "@hb-sessions/core/SessionsColumns"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { Effect, Stream } from "effect"
import { createReadStream, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { readParquet } from "parquet-wasm"
import { decodeParquet } from "../src/files/decodeParquet.ts"
import { encodeParquet, GROUP_BYTES, GROUP_ROWS } from "../src/files/encodeParquet.ts"
import { columnsOf, parquetRows, type Row, rowGroups, type Value } from "./duckdb.ts"
import { type List, serve } from "./list.ts"
import { environment, manifestOf, rowsOf, run, scratch } from "./support.ts"

/** A row as it is sent, whatever JavaScript makes of it. */
const listOf = (rows: ReadonlyArray<string>): List => ({
  rows: [],
  answer: (page, response) => {
    const sent = rows.slice((page - 1) * 10, page * 10)
    response.end(`{"sessions":[${sent.join()}],"totalCount":${rows.length},"page":${page},"pageSize":10}`)
    return true
  }
})

const texts = [
  'quotes " and commas, ; \t\nand\r\nline breaks',
  "emoji 👩‍👩‍👧 é ü ﷽ 漢字 \uFFFE \u{10FFFF}",
  "\uFEFFa byte order mark",
  "",
  " ",
  "'=1+1",
  "null",
  "NaN",
  "x".repeat(1_200_000)
]

/** Rows of servers that are odd in one way each. */
const oddRows = [
  ...texts.map((text) => JSON.stringify({ status: text, launchState: { profile: { id: text } }, note: text })),
  '{"status":"a\\u0000b","note":"\\u0000"}',
  '{"status":"half \\ud83d of a pair","note":"\\ude00"}',
  '{"teamId":null,"status":null,"startTime":null,"endTime":null,"createdAt":null,"updatedAt":null,"creditsUsed":null,"launchState":null}',
  '{"updatedAt":"","startTime":"","endTime":"","createdAt":""}',
  '{"launchState":{"profile":null,"screen":null,"staticIpId":null,"solverType":null,"useProxy":null}}',
  '{"creditsUsed":"1.5","launchState":{"screen":{"width":"1280","height":720.25}}}',
  '{"creditsUsed":9007199254740993,"launchState":{"screen":{"width":-12345678901234567890}},"big":9007199254740993}',
  '{"creditsUsed":0.1234567890123456789,"launchState":{"screen":{"width":5e-324,"height":1.7976931348623157e308}}}',
  '{"creditsUsed":1e400,"big":1e400}',
  '{"creditsUsed":-0.0}',
  '{"createdAt":"soon","startTime":{},"endTime":[],"updatedAt":true}',
  '{"createdAt":-62135596800000,"startTime":"253402300799999","endTime":1735689600123.9,"updatedAt":"2025-01-01T00:00:00.123456+02:00"}',
  '{"createdAt":8.64e15,"startTime":-8.64e15}',
  '{"launchState":{"screen":"1280x720","useProxy":"maybe","adblock":"true"}}',
  '{"launchState":[{"token":"SECRET"}]}',
  '{"status":7,"teamId":12,"launchState":{"solverType":{}}}',
  '{"tags":["x",1,{"liveUrl":"SECRET","deep":9007199254740993}],"nothing":{},"note":true,"number":1.50}',
  '{"__proto__":"x","constructor":1,"a.b":2,"":3,"_rescued_data":"theirs"}'
].map((row, index) => `{"id":"id-${index}"${row === "{}" ? "" : ","}${row.slice(1)}`)

/** What the CSV holds, in the types of the columns. */
const typed = (row: Readonly<Record<string, string>>): Row =>
  Object.fromEntries(
    Object.entries(row).map(([column, cell]): [string, Value] => {
      if (cell === "") return [column, null]
      switch (columnType(column)) {
        case "text":
          return [column, cell]
        case "boolean":
          return [column, cell === "true"]
        case "number":
          return [column, Number(cell)]
        case "time":
          return [column, BigInt(Date.parse(cell)) * 1000n]
      }
    })
  )

/** What the Parquet file holds, as far as CSV can hold it. */
const asInCsv = (row: Row): Row =>
  Object.fromEntries(
    Object.entries(row).map(([column, value]) => [
      column,
      value === "" ? null : typeof value === "string" ? value.replaceAll("\0", "\uFFFD") : value === 0 ? 0 : value
    ])
  )

const without = (row: Row, column: string) =>
  Object.fromEntries(Object.entries(row).filter(([name]) => name !== column))

/** Exports the same sessions in both formats, and compares all cells; succeeds with the rows of the Parquet files. */
const compare = Effect.fnUntraced(function* (
  env: Bin.Env,
  both: ReadonlyArray<string> = [],
  parquetOnly: ReadonlyArray<string> = []
) {
  const root = yield* scratch
  const [csv, parquet] = [join(root, "csv"), join(root, "parquet")]
  const first = yield* run(env, "run", "--out", csv, ...both)
  assert.strictEqual(first.code, 0, first.stderr)
  const { code, stderr } = yield* run(env, "run", "--out", parquet, "--format", "parquet", ...both, ...parquetOnly)
  assert.strictEqual(code, 0, stderr)
  const [expected, published] = [manifestOf(csv), manifestOf(parquet)]
  assert.deepStrictEqual(published.selection.columns, expected.selection.columns)
  assert.deepStrictEqual(
    published.files.map(({ partition, path, rows }) => [partition, path, rows]),
    expected.files.map(({ partition, path, rows }) => [partition, path.replace(".csv", ".parquet"), rows])
  )
  const rescued = [...(yield* columnsOf(...published.files.map(({ path }) => join(parquet, path)))).keys()].at(-1) ?? ""
  const found: Array<Row> = []
  for (const [index, { path }] of published.files.entries()) {
    const rows = yield* parquetRows(join(parquet, path))
    assert.deepStrictEqual(
      rows.map((row) => asInCsv(without(row, rescued))),
      rowsOf(join(csv, expected.files[index]?.path ?? "")).map(typed)
    )
    found.push(...rows)
  }
  for (const { path, rows } of published.files) {
    // Stricter than DuckDB about the form of the file.
    const batches = readParquet(readFileSync(join(parquet, path))).recordBatches()
    assert.strictEqual(
      batches.reduce((sum, { numRows }) => sum + numRows, 0),
      rows
    )
  }
  const verified = yield* run({}, "verify", "--out", parquet)
  assert.strictEqual(verified.code, 0, verified.stdout)
  return { rows: found, rescued, out: parquet, manifest: published }
})

const isSet = (value: Value | undefined): value is string => value !== null && value !== undefined

describe("Parquet files", () => {
  it.live("hold what the CSV holds, cell by cell, and beside it what no cell can hold", () =>
    Effect.gen(function* () {
      const { manifest, rows, rescued } = yield* compare(yield* serve(listOf(oddRows)))
      assert.strictEqual(rescued, "_rescued_data")
      assert.strictEqual(rows.length, oddRows.length)
      assert.deepStrictEqual([manifest.selection.format, manifest.selection.compress], ["parquet", "zstd"])
      assert.include(
        rows.map((row) => row["status"]),
        "a\0b"
      )
      assert.deepStrictEqual(rows.map((row) => row["_rescued_data"] ?? null).filter(isSet), [
        '{"status":"half \\ud83d of a pair"}',
        '{"creditsUsed":9007199254740993,"launchState.screen.width":-12345678901234567890}',
        '{"creditsUsed":0.1234567890123456789}',
        '{"creditsUsed":1e400}',
        '{"createdAt":"soon","startTime":{},"endTime":[],"updatedAt":true}',
        '{"launchState.screen":"1280x720","launchState.useProxy":"maybe"}',
        '{"launchState":[{}]}',
        '{"status":7,"launchState.solverType":{}}'
      ])
    }).pipe(Effect.scoped)
  )

  it.live("hold other keys as text, and no secret", () =>
    Effect.gen(function* () {
      const { rows, rescued } = yield* compare(yield* serve(listOf(oddRows)), ["--columns", "id,*,launchState"])
      assert.strictEqual(rescued, "_rescued_data_", "the name of a column of the server's is not taken")
      assert.notInclude(JSON.stringify(rows.map((row) => Object.values(row).map(String))), "SECRET")
      const last = rows.at(-1)
      assert.deepStrictEqual([last?.["constructor"], last?.["a\\.b"], last?.["_rescued_data"]], ["1", "2", "theirs"])
    }).pipe(Effect.scoped)
  )

  for (const compress of ["zstd", "snappy", "gzip", "none"]) {
    it.live(`are those of the simulator's servers, compressed with ${compress}`, () =>
      Effect.gen(function* () {
        const env = environment(yield* Simulator)
        const { out, rows } = yield* compare(env, ["--columns", "*", "--partition", "month"], ["--compress", compress])
        assert.strictEqual(rows.length, 300)
        const file = join(out, manifestOf(out).files[0]?.path ?? "")
        const [group] = yield* rowGroups(file)
        assert.strictEqual(group?.["compression"], compress === "none" ? "UNCOMPRESSED" : compress.toUpperCase())
      }).pipe(
        Effect.provide(Simulator.layer({ sessions: 300, activeShare: 0.2, extraFields: true, timestamps: "number" })),
        Effect.scoped
      )
    )
  }

  it.live("have all columns with their types without a row, and with one", () =>
    Effect.gen(function* () {
      const list = { ...listOf([]) }
      const empty = yield* compare(yield* serve(list))
      assert.deepStrictEqual([empty.rows.length, empty.manifest.sessions], [0, 0])
      const one = yield* compare(yield* serve(listOf(['{"id":"a"}'])))
      assert.strictEqual(one.rows.length, 1)
      const types = yield* columnsOf(join(empty.out, "sessions.parquet"))
      assert.deepStrictEqual(types, yield* columnsOf(join(one.out, "sessions.parquet")))
      const byType = { text: "VARCHAR", number: "DOUBLE", boolean: "BOOLEAN", time: "TIMESTAMP WITH TIME ZONE" }
      assert.deepStrictEqual(
        [...types],
        [
          ...one.manifest.selection.columns.map((name): [string, string] => [name, byType[columnType(name)]]),
          ["_rescued_data", "VARCHAR"]
        ]
      )
    }).pipe(Effect.scoped)
  )
})

const collect = <A>(parts: AsyncIterable<A>) => Stream.runCollect(Stream.fromAsyncIterable(parts, String))

describe("row groups", () => {
  const rows = (count: number, text: string) =>
    Array.from({ length: count }, (_, index) => `["id-${index}","${text}${index}",null]\n`).join("")

  it.live.each([
    ["in rows", rows(2 * GROUP_ROWS + 1, ""), [GROUP_ROWS, GROUP_ROWS, 1]],
    ["in bytes", rows(40, "é".repeat(GROUP_BYTES / 32)), [16, 16, 8]]
  ] as const)("are bounded %s, and read back as they were written", ([, text, expected]) =>
    Effect.gen(function* () {
      const root = yield* scratch
      const [from, to] = [join(root, "text"), join(root, "sessions.parquet")]
      writeFileSync(from, text)
      const form = { columns: ["id", "status"], format: "parquet", compress: "zstd" } as const
      const written = yield* collect(encodeParquet(createReadStream(from), form))
      writeFileSync(to, Buffer.concat(written))
      const groups = yield* rowGroups(to)
      assert.deepStrictEqual(
        groups.map((group) => Number(group["rows"])),
        [...expected]
      )
      for (const { bytes } of groups) assert.isBelow(Number(bytes), 1.1 * GROUP_BYTES)
      // A part is one row group, or the end of the file.
      assert.strictEqual(written.length, expected.length + 1)
      const read = yield* collect(decodeParquet(to, form))
      assert.isTrue(Buffer.concat(read).toString() === text)
      const ids = yield* collect(decodeParquet(to, { ...form, only: ["id"] }))
      assert.strictEqual(Buffer.concat(ids).toString().split("\n")[1], '["id-1",null,null]')
    }).pipe(Effect.scoped)
  )
})
