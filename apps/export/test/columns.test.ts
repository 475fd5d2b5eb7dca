/**
 * Columns outside the contract: by their path, and with `*`, for which each archive decides once.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { type List, row, serve } from "./list.ts"
import { hasCheckpoint, manifestOf, rowsOf, runHere as run, scratch } from "./support.ts"

const NOW = Date.UTC(2026, 0, 31)

const more = {
  sessionUrl: "https://app/a",
  duration: 12,
  creditBreakdown: { proxyDataCreditsUsed: 0.5, apiToken: "SECRET" },
  tags: ["x", { liveUrl: "SECRET" }],
  token: "SECRET"
}

const listOf = (...extras: ReadonlyArray<object>): List => ({
  rows: extras.map((extra, index) => ({ ...row(`s${index}`, NOW, index * 1000), ...extra }))
})

const header = (out: string) => readFileSync(join(out, "sessions.csv"), "utf8").split("\r\n")[0] ?? ""
const extrasOf = (columns: ReadonlyArray<string>) => columns.slice(33)

describe("keys outside the contract", () => {
  it.live("are columns by their path, in CSV as cells and in NDJSON nested, numbers as they were sent", () =>
    Effect.gen(function* () {
      const list: List = {
        rows: [],
        answer: (page, response) => {
          const sessions = `{"id":"a","big":9007199254740993,"__proto__":{"x":1},${JSON.stringify(more).slice(1)}`
          response.end(`{"sessions":[${page === 1 ? sessions : ""}],"totalCount":1,"page":${page},"pageSize":10}`)
          return true
        }
      }
      const env = { ...(yield* serve(list)), HB_SESSIONS_EXPORT_COLUMNS: "id,duration,creditBreakdown,big,tags.0,gone" }
      const out = yield* scratch
      const csv = yield* run(env, "run", "--out", out)
      assert.strictEqual(csv.code, 0, csv.stderr)
      assert.include(csv.stderr, 'no session has "gone"')
      assert.strictEqual(
        readFileSync(join(out, "sessions.csv"), "utf8"),
        'id,duration,creditBreakdown,big,tags.0,gone\r\na,12,"{""proxyDataCreditsUsed"":0.5}",9007199254740993,x,\r\n'
      )
      const nested = [
        "id",
        "big",
        "creditBreakdown.proxyDataCreditsUsed",
        "creditBreakdown",
        "__proto__.x",
        "constructor"
      ]
      const ndjson = yield* run(env, "run", "--out", out, "--format", "ndjson", "--columns", nested.join())
      assert.strictEqual(ndjson.code, 0, ndjson.stderr)
      assert.strictEqual(
        readFileSync(join(out, "sessions.ndjson"), "utf8"),
        '{"id":"a","big":9007199254740993,"creditBreakdown":{"proxyDataCreditsUsed":0.5},"__proto__":{"x":1}}\n'
      )
      const everything = yield* run(env, "run", "--out", out, "--format", "ndjson", "--columns", "*")
      assert.strictEqual(everything.code, 0, everything.stderr)
      const line = readFileSync(join(out, "sessions.ndjson"), "utf8")
      assert.include(line, '"tags":["x",{}]')
      assert.notInclude(line, "SECRET")
    }).pipe(Effect.scoped)
  )

  it.live("are decided once per incremental archive; later keys are logged, and --full-refresh adds them", () =>
    Effect.gen(function* () {
      const list = listOf(more, {})
      const env = yield* serve(list)
      const out = yield* scratch
      const args = ["run", "--out", out, "--mode", "incremental"]
      const first = yield* run(env, ...args, "--columns", "*")
      assert.strictEqual(first.code, 0, first.stderr)
      const { selection } = manifestOf(out)
      assert.deepStrictEqual(selection.columnsAsked, ["*"])
      const extras = ["creditBreakdown.proxyDataCreditsUsed", "duration", "sessionUrl", "tags"]
      assert.deepStrictEqual(extrasOf(selection.columns), extras)

      list.rows = [{ ...row("new", NOW + 1000, 0), ...{ duration: 3, later: 1, password: "SECRET" } }, ...list.rows]
      const second = yield* run(env, ...args, "--columns", "*")
      assert.strictEqual(second.code, 0, second.stderr)
      const manifest = manifestOf(out)
      assert.deepStrictEqual([manifest.generation, manifest.columnsLeftOut], [2, ["later"]])
      assert.deepStrictEqual(manifest.selection.columns, selection.columns)
      assert.match(second.stderr, /these keys are not exported.*"later"; --full-refresh/)
      const added = rowsOf(join(out, manifest.files.at(-1)?.path ?? ""))
      assert.deepStrictEqual(
        added.map(({ duration, id }) => [id, duration]),
        [["new", "3"]]
      )

      const other = yield* run(env, ...args, "--columns", "id,*")
      assert.deepStrictEqual([other.code, other.stderr.includes("--columns was * and is id,*")], [2, true])
      const named = yield* run(env, ...args, "--columns", selection.columns.join())
      assert.strictEqual(named.code, 2)

      assert.strictEqual((yield* run(env, ...args, "--columns", "*", "--full-refresh")).code, 0)
      assert.deepStrictEqual(extrasOf(manifestOf(out).selection.columns), [
        ...extras.slice(0, 2),
        "later",
        ...extras.slice(2)
      ])
      assert.notProperty(manifestOf(out), "columnsLeftOut")
    }).pipe(Effect.scoped)
  )

  it.live("keep their order in the next snapshot, with new ones at the end", () =>
    Effect.gen(function* () {
      const list = listOf(more)
      const env = yield* serve(list)
      const out = yield* scratch
      yield* run(env, "run", "--out", out, "--columns", "duration,*")
      const before = header(out)
      list.rows = listOf({ another: 1 }).rows
      const { code, stderr } = yield* run(env, "run", "--out", out, "--columns", "duration,*")
      assert.strictEqual(code, 0, stderr)
      assert.isTrue(before.startsWith("duration,id,"))
      assert.strictEqual(header(out), `${before},another`)
    }).pipe(Effect.scoped)
  )

  it.live("stay those of the interrupted run when it is resumed", () =>
    Effect.gen(function* () {
      const list = listOf(...Array.from({ length: 60 }, (_, index) => (index < 10 ? { early: index } : {})))
      list.answer = (page, response) => {
        if (page < 5) return false
        response.writeHead(403).end()
        return true
      }
      const env = yield* serve(list)
      const out = yield* scratch
      const args = ["run", "--out", out, "--columns", "id,*", "--concurrency", "1", "--checkpoint-every", "0"]
      assert.notStrictEqual((yield* run(env, ...args)).code, 0)
      assert.isFalse(hasCheckpoint(out), "nothing is read before the columns are decided")
      let requests = 0
      list.answer = (page, response) => {
        // The columns are decided by 7 requests; the read ends in its fifth.
        if (++requests <= 7 || page < 5) return false
        response.writeHead(403).end()
        return true
      }
      yield* run(env, ...args)
      assert.isTrue(hasCheckpoint(out))
      list.answer = undefined
      list.rows = list.rows.map((each) => ({ ...each, changed: 1 }))
      const { code, stderr } = yield* run(env, ...args)
      assert.strictEqual(code, 0, stderr)
      assert.include(stderr, "resuming an interrupted export after")
      const { columnsLeftOut, selection } = manifestOf(out)
      assert.deepStrictEqual([extrasOf(selection.columns), columnsLeftOut], [["early"], ["changed"]])
      assert.deepStrictEqual(rowsOf(join(out, "sessions.csv")).map(({ id }) => id).length, 60)
    }).pipe(Effect.scoped)
  )
})
