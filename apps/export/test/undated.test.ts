/**
 * Sessions without `createdAt`, which nothing places in time, in incremental exports.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { join } from "node:path"
import { type List, type Row, serve } from "./list.ts"
import { manifestOf, rowsOf, runHere as run, scratch } from "./support.ts"

const dated = (day: number): Row => ({
  id: `dated-${day}`,
  status: "closed",
  createdAt: new Date(Date.UTC(2026, 0, day)).toISOString()
})

/** An incremental export, run again and again: what each run added, and how it read. */
const exporter = Effect.fnUntraced(function* (list: List, ...args: ReadonlyArray<string>) {
  const env = yield* serve(list)
  const out = yield* scratch
  const next = Effect.gen(function* () {
    const { code, stderr } = yield* run(env, "run", "--out", out, "--mode", "incremental", ...args)
    assert.strictEqual(code, 0, stderr)
    const { bookmark, generation, files, scope, scopeReason } = manifestOf(out)
    const file = files.find((one) => one.generation === generation)
    const rows = file === undefined ? [] : rowsOf(join(out, file.path))
    const added = rows.map((row) => `${row["id"]} ${row["status"]}`)
    return { added, scope, scopeReason, isOpen: bookmark.undatedOpen }
  })
  return { next }
})

// Newest first, far beyond the day of --look-back.
const days = Array.from({ length: 100 }, (_, index) => dated(100 - index))
const undated = (status: string): Row => ({ id: "undated", status })

describe("a session without createdAt", () => {
  it.live("that may change makes the next run read the whole list, wherever it is, until it is final", () =>
    Effect.gen(function* () {
      const list: List = { rows: [...days, undated("active")] }
      const { next } = yield* exporter(list)
      assert.include((yield* next).added, "undated active")
      list.rows = [...days, undated("closed")]
      const closed = yield* next
      assert.deepStrictEqual([closed.added, closed.scope, closed.isOpen], [["undated closed"], "full", false])
      assert.include(closed.scopeReason, "missing or implausible createdAt")
      const last = yield* next
      assert.deepStrictEqual([last.added, last.scope], [[], "recent"])
    }).pipe(Effect.scoped)
  )

  it.live("that is new is found, since it makes the run read the whole list", () =>
    Effect.gen(function* () {
      const list: List = { rows: days }
      const { next } = yield* exporter(list)
      assert.lengthOf((yield* next).added, 100)
      list.rows = [undated("closed"), ...days]
      const found = yield* next
      assert.deepStrictEqual([found.added, found.scope], [["undated closed"], "full"])
      // It is known and final: it is met again, and nothing is missed.
      const last = yield* next
      assert.deepStrictEqual([last.added, last.scope], [[], "recent"])
    }).pipe(Effect.scoped)
  )

  it.live("costs nothing if --since leaves it out", () =>
    Effect.gen(function* () {
      const list: List = { rows: [undated("active"), ...days] }
      const { next } = yield* exporter(list, "--since", "2026-02-01")
      assert.notInclude((yield* next).added, "undated active")
      const { added, isOpen, scope } = yield* next
      assert.deepStrictEqual([added, scope, isOpen], [[], "recent", false])
    }).pipe(Effect.scoped)
  )
})
