/**
 * Rows that are no sessions: kept apart, counted, and too many are a failure.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { appendFileSync, existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { serve } from "./list.ts"
import { manifestOf, publishedIds, runHere as run, scratch } from "./support.ts"

const PAGE = 50

const session = (index: number) => ({
  id: `00000000-0000-4000-8000-${String(index).padStart(12, "0")}`,
  status: "closed",
  createdAt: new Date(Date.UTC(2026, 0, 31) - index * 60_000).toISOString(),
  endTime: "1769815800000"
})

const odd = { id: null, status: "active", token: "canary", nested: { wsEndpoint: "canary" }, big: "BIG" }

/** Serves rows of which some are not sessions. */
const server = (rows: ReadonlyArray<unknown>, hangs: { at?: number } = {}) =>
  serve({
    rows,
    pageSize: PAGE,
    answer: (page) => page === hangs.at,
    edit: (text) => text.replaceAll('"BIG"', "9007199254740993")
  })

/** So many sessions, with an odd row in each of the given places. */
const list = (count: number, ...places: ReadonlyArray<number>): ReadonlyArray<unknown> =>
  Array.from({ length: count }, (_, index) => (places.includes(index) ? { ...odd, place: index } : session(index)))

const quarantined = (out: string): ReadonlyArray<any> =>
  readFileSync(join(out, manifestOf(out).quarantine?.path ?? ""), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line))

describe("sessions with implausible times", () => {
  it.live("go to a partition with a valid file name, and leave the manifest valid", () =>
    Effect.gen(function* () {
      const times = ["+057971-05-27T02:13:20.000Z", "0000-01-01T00:00:00Z", -8e15, 8.64e15, null]
      const env = yield* server(times.map((createdAt, index) => ({ ...session(index), createdAt })))
      const out = join(yield* scratch, "out")
      const words = ["run", "--out", out, "--mode", "incremental", "--partition", "day"]
      const { code, stderr } = yield* run(env, ...words)
      assert.strictEqual(code, 0, stderr)
      assert.include(stderr, "4 sessions have an implausible createdAt, before 2000 or more than a year ahead")
      const { files, implausibleTimes } = manifestOf(out)
      assert.deepStrictEqual([implausibleTimes, files.map(({ partition }) => partition)], [4, ["undated"]])
      const text = readFileSync(join(out, "manifest.json"), "utf8")
      for (const [, year] of text.matchAll(/"([^"]*)-\d\d-\d\dT/g)) assert.match(year ?? "", /^\d{4}$/)
    }).pipe(Effect.scoped)
  )
})

describe("rows that are not sessions", () => {
  for (const mode of ["snapshot", "incremental"]) {
    it.live(`are in quarantine.ndjson with the reason and without secrets: ${mode}`, () =>
      Effect.gen(function* () {
        const env = yield* server([...list(200, 7, 120)])
        const root = yield* scratch
        const [out, metrics] = [join(root, "out"), join(root, "metrics")]
        const words = ["run", "--out", out, "--mode", mode, "--max-quarantine", "2", "--metrics-file", metrics]
        for (const night of [1, 2]) {
          const { code, stderr, stdout } = yield* run(env, ...words, "--full-refresh")
          assert.strictEqual(code, 0, stderr)
          assert.include(stderr, "WARN 2 rows are not sessions")
          assert.include(stdout, "2 rows quarantined")
          assert.strictEqual(manifestOf(out).generation, night)
          assert.lengthOf(publishedIds(out), 198)
        }
        assert.deepStrictEqual(
          quarantined(out).map(({ index, page, reason, row }) => [reason, page, index, row.place]),
          [
            ["id-missing", 1, 7, 7],
            ["id-missing", 3, 20, 120]
          ]
        )
        const text = readFileSync(join(out, manifestOf(out).quarantine?.path ?? ""), "utf8")
        assert.notInclude(text, "canary")
        assert.include(text, '"big":9007199254740993')
        assert.match(readFileSync(metrics, "utf8"), /^hb_sessions_export_quarantined_rows\{[^}]*\} 2$/m)
        assert.strictEqual((yield* run({}, "verify", "--out", out)).code, 0)
        appendFileSync(join(out, manifestOf(out).quarantine?.path ?? ""), "{}\n")
        assert.strictEqual((yield* run({}, "verify", "--out", out)).code, 74)
      }).pipe(Effect.scoped)
    )
  }

  it.live("fail the run with exit code 7 above --max-quarantine, 0.1 % by default", () =>
    Effect.gen(function* () {
      const few = yield* server(list(2000, 3, 900))
      const many = yield* server(list(2000, 3, 900, 901))
      const out = join(yield* scratch, "out")
      const failed = yield* run(many, "run", "--out", out)
      assert.strictEqual(failed.code, 7)
      assert.include(failed.stderr, "3 of 2000 rows are not sessions, which is more than --max-quarantine (0.1 %)")
      assert.isFalse(existsSync(join(out, "manifest.json")))
      assert.strictEqual((yield* run(many, "run", "--out", out, "--max-quarantine", "0.2")).code, 0)
      const other = join(yield* scratch, "out")
      assert.strictEqual((yield* run(few, "run", "--out", other)).code, 0)
      assert.strictEqual((yield* run(few, "run", "--out", other, "--max-quarantine", "0")).code, 7)
    }).pipe(Effect.scoped)
  )

  it.live("do not fail a partial read of a long list", () =>
    Effect.gen(function* () {
      const rows = [...list(2000)]
      const env = yield* server(rows)
      const out = join(yield* scratch, "out")
      const words = ["run", "--out", out, "--mode", "incremental", "--look-back", "1h"]
      assert.strictEqual((yield* run(env, ...words)).code, 0)
      rows.unshift(odd)
      for (const night of [2, 3, 4]) {
        rows.unshift(session(-night))
        const { code, stderr } = yield* run(env, ...words)
        assert.strictEqual(code, 0, stderr)
        const { quarantine, report } = manifestOf(out)
        assert.deepStrictEqual([quarantine?.rows, quarantine?.generation], [1, night])
        assert.isBelow(report.rowsRead, 1000)
      }
      assert.strictEqual((yield* run({}, "verify", "--out", out)).code, 0)
    }).pipe(Effect.scoped)
  )

  it.live("are neither lost nor repeated by an interrupted run", () =>
    Effect.gen(function* () {
      const hangs: { at?: number } = { at: 4 }
      const env = yield* server(list(300, 7, 60, 280), hangs)
      const out = join(yield* scratch, "out")
      const words = ["run", "--out", out, "--max-quarantine", "5", "--checkpoint-every", "0", "--concurrency", "1"]
      const { code } = yield* run({ ...env, HB_SESSIONS_ATTEMPT_TIMEOUT: "1s" }, ...words)
      assert.strictEqual(code, 4)
      delete hangs.at
      const { code: second, stderr } = yield* run(env, ...words)
      assert.strictEqual(second, 0, stderr)
      assert.strictEqual(manifestOf(out).resumed, 1)
      assert.sameMembers(
        quarantined(out).map(({ row }) => row.place),
        [7, 60, 280]
      )
    }).pipe(Effect.scoped)
  )
})
