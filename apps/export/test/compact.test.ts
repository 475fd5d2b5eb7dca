/**
 * The current view of an incremental archive.
 */
import { assert, describe, it } from "@effect/vitest"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { parse } from "csv-parse/sync"
import { Effect } from "effect"
import { appendFileSync, existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { gunzipSync, zstdDecompressSync } from "node:zlib"
import { environment, launch, leftOvers, manifestOf, runHere as run, scratch } from "./support.ts"

type Row = Readonly<Record<string, unknown>>

/** The rows of a published file, read without the program. */
const rowsIn = (file: string): ReadonlyArray<Row> => {
  const bytes = readFileSync(file)
  const text = file.endsWith(".gz") ? gunzipSync(bytes) : file.endsWith(".zst") ? zstdDecompressSync(bytes) : bytes
  return file.includes(".csv")
    ? parse(text, { columns: true })
    : text
        .toString()
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line))
}

/** What a reader makes of the manifest: the last row of each session, without those that have left. */
const currentOf = (out: string): ReadonlyMap<string, Row> => {
  const { files, generation, tombstones } = manifestOf(out)
  const rows = new Map<string, Row>()
  for (let each = 1; each <= generation; each++) {
    for (const { path } of files.filter((file) => file.generation === each)) {
      for (const row of rowsIn(join(out, path))) rows.set(String(row["id"]), row)
    }
    for (const { path } of tombstones.filter((file) => file.generation === each)) {
      for (const { id } of rowsIn(join(out, path))) rows.delete(String(id))
    }
  }
  return rows
}

const sorted = (rows: Iterable<Row>): ReadonlyArray<Row> =>
  [...rows].toSorted((a, b) => (String(a["id"]) < String(b["id"]) ? -1 : 1))

/** Nights in which sessions start, end and are purged. */
const nights = Effect.fnUntraced(function* (out: string, count: number, ...args: ReadonlyArray<string>) {
  const simulator = yield* Simulator
  for (let night = 0; night < count; night++) {
    yield* simulator.mutate("start", 5)
    yield* simulator.mutate("end", 7)
    if (night % 2 === 1) yield* simulator.mutate("purge", 2)
    const words = ["run", "--out", out, "--mode", "incremental", "--full-every", "0", ...args]
    const { code, stderr } = yield* run(environment(simulator), ...words)
    assert.strictEqual(code, 0, stderr)
  }
})

const noCompaction = ["--compact-after", "0"]

describe("compact", () => {
  for (const more of [
    ["--format", "csv"],
    ["--format", "ndjson", "--compress", "gzip"],
    ["--format", "csv", "--compress", "zstd", "--partition", "month"],
    ["--format", "csv", "--dialect", "spreadsheet", "--columns", "status,id", "--status", "active"]
  ]) {
    it.live(`makes one file with the latest version of each session: ${more.join(" ")}`, () =>
      Effect.gen(function* () {
        const out = join(yield* scratch, "out")
        yield* nights(out, 4, ...noCompaction, ...more)
        const expected = currentOf(out)
        const before = manifestOf(out)
        assert.isAbove(before.files.length, new Set(before.files.map(({ partition }) => partition)).size)
        assert.isAbove(before.tombstones.length, 0)
        assert.isFalse(existsSync(join(out, "sessions.csv")), "nothing is the whole current data")
        const { code, stderr, stdout } = yield* run({}, "compact", "--out", out)
        assert.strictEqual(code, 0, stderr)
        assert.include(stdout, `${expected.size} sessions`)
        const { compacts, current, files, generation, latest, tombstones } = manifestOf(out)
        assert.deepStrictEqual([compacts, generation, tombstones], [before.generation, before.generation + 1, []])
        const rows = files.flatMap(({ path }) => rowsIn(join(out, path)))
        assert.strictEqual(rows.length, current)
        assert.deepStrictEqual(sorted(rows), sorted(expected.values()))
        if (latest === undefined) assert.include(more, "--partition")
        else assert.deepStrictEqual(rowsIn(join(out, latest)), rows)
        assert.strictEqual((yield* run({}, "verify", "--out", out)).code, 0)
        // The next run goes on from there.
        yield* nights(out, 1, ...noCompaction, ...more)
        assert.isBelow(manifestOf(out).sessions, current)
        assert.strictEqual(currentOf(out).size, manifestOf(out).current)
        assert.strictEqual((yield* run({}, "verify", "--out", out)).code, 0)
        assert.deepStrictEqual(leftOvers(out), [])
      }).pipe(Effect.provide(Simulator.layer({ sessions: 60, activeShare: 0.5, seed: "compact" })), Effect.scoped)
    )
  }

  it.live("runs by itself after --compact-after generations, and keeps sessions.csv current or absent", () =>
    Effect.gen(function* () {
      const out = join(yield* scratch, "out")
      const csv = join(out, "sessions.csv")
      const isCurrent: Array<boolean> = []
      for (let night = 0; night < 7; night++) {
        yield* nights(out, 1, "--compact-after", "2")
        isCurrent.push(existsSync(csv))
        if (existsSync(csv)) assert.deepStrictEqual(sorted(rowsIn(csv)), sorted(currentOf(out).values()))
      }
      assert.deepStrictEqual(isCurrent, [true, false, true, false, true, false, true])
      assert.strictEqual((yield* run({}, "verify", "--out", out)).code, 0)
      appendFileSync(csv, "x")
      const { code, stderr } = yield* run({}, "verify", "--out", out)
      assert.strictEqual(code, 74)
      assert.include(stderr, "sessions.csv")
    }).pipe(Effect.provide(Simulator.layer({ sessions: 60, activeShare: 0.5 })), Effect.scoped)
  )

  it.live("is atomic: killed at any time, it leaves the published generation, and the next one succeeds", () =>
    Effect.gen(function* () {
      const out = join(yield* scratch, "out")
      yield* nights(out, 3, ...noCompaction)
      const expected = sorted(currentOf(out).values())
      for (const millis of [150, 200, 250, 300, 350, 400]) {
        const { child, ended } = launch({}, ["compact", "--out", out])
        setTimeout(() => child.kill("SIGKILL"), millis)
        yield* Effect.promise(() => ended)
        assert.deepStrictEqual(sorted(currentOf(out).values()), expected)
      }
      assert.strictEqual((yield* run({}, "compact", "--out", out)).code, 0)
      assert.deepStrictEqual(sorted(rowsIn(join(out, "sessions.csv"))), expected)
      assert.deepStrictEqual(leftOvers(out), [])
      assert.strictEqual((yield* run({}, "verify", "--out", out)).code, 0)
    }).pipe(Effect.provide(Simulator.layer({ sessions: 60, activeShare: 0.5 })), Effect.scoped)
  )

  it.live("rejects snapshots and empty directories, and does nothing twice", () =>
    Effect.gen(function* () {
      const root = yield* scratch
      const env = environment(yield* Simulator)
      const none = yield* run({}, "compact", "--out", join(root, "none"))
      assert.deepStrictEqual([none.code, readdirSync(root)], [2, []])
      yield* run(env, "run", "--out", join(root, "snapshot"))
      const snapshot = yield* run({}, "compact", "--out", join(root, "snapshot"))
      assert.strictEqual(snapshot.code, 2)
      assert.include(snapshot.stderr, "snapshot")
      const out = join(root, "out")
      yield* nights(out, 2, ...noCompaction)
      yield* run({}, "compact", "--out", out)
      const manifest = statSync(join(out, "manifest.json")).ino
      const again = yield* run({}, "compact", "--out", out)
      assert.deepStrictEqual([again.code, statSync(join(out, "manifest.json")).ino], [0, manifest])
      assert.include(again.stdout, "already holds each session once")
    }).pipe(Effect.provide(Simulator.layer({ sessions: 20, activeShare: 0.5 })), Effect.scoped)
  )
})
