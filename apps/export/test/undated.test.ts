/**
 * Sessions without `createdAt`, which nothing places in time, in incremental exports.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { environment, manifestOf, rowsOf, run, scratch } from "./support.ts"

interface Row {
  readonly id: string
  readonly status: string
  readonly createdAt?: string
}

const dated = (day: number): Row => ({
  id: `dated-${day}`,
  status: "closed",
  createdAt: new Date(Date.UTC(2026, 0, day)).toISOString()
})

/** A server of a list that the test changes. */
const serverOf = (list: { rows: ReadonlyArray<Row> }) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const server = createServer((request, response) => {
        const page = Number(new URL(request.url ?? "", "http://localhost").searchParams.get("page"))
        const sessions = list.rows.slice((page - 1) * 10, page * 10)
        response.end(JSON.stringify({ sessions, totalCount: list.rows.length, page, pageSize: 10 }))
      }).listen(0, "127.0.0.1")
      await once(server, "listening")
      return server
    }),
    (server) =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      })
  )

/** An incremental export, run again and again: what each run added, and how it read. */
const exporter = Effect.fnUntraced(function* (list: { rows: ReadonlyArray<Row> }, ...args: ReadonlyArray<string>) {
  const server = yield* serverOf(list)
  const env = environment({ apiKey: "key", url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
  const out = yield* scratch
  const next = Effect.gen(function* () {
    const { code, stderr } = yield* run(env, "run", "--out", out, "--mode", "incremental", ...args)
    assert.strictEqual(code, 0, stderr)
    const { bookmark, generation, files, sweep, sweepReason } = manifestOf(out)
    const file = files.find((one) => one.generation === generation)
    const rows = file === undefined ? [] : rowsOf(join(out, file.path))
    const added = rows.map((row) => `${row["id"]} ${row["status"]}`)
    return { added, sweep, sweepReason, isOpen: bookmark.undatedOpen }
  })
  return { next }
})

// Newest first, far beyond the day of --look-back.
const days = Array.from({ length: 100 }, (_, index) => dated(100 - index))
const undated = (status: string): Row => ({ id: "undated", status })

describe("a session without createdAt", () => {
  it.live("that may change makes the next run read the whole list, wherever it is; then no longer", () =>
    Effect.gen(function* () {
      const list = { rows: [...days, undated("active")] }
      const { next } = yield* exporter(list)
      assert.include((yield* next).added, "undated active")
      list.rows = [...days, undated("closed")]
      const closed = yield* next
      assert.deepStrictEqual([closed.added, closed.sweep, closed.isOpen], [["undated closed"], "full", false])
      assert.include(closed.sweepReason, "without createdAt")
      const last = yield* next
      assert.deepStrictEqual([last.added, last.sweep], [[], "recent"])
    }).pipe(Effect.scoped)
  )

  it.live("that is new is found, since meeting it makes the run read the whole list", () =>
    Effect.gen(function* () {
      const list = { rows: days }
      const { next } = yield* exporter(list)
      assert.lengthOf((yield* next).added, 100)
      list.rows = [undated("closed"), ...days]
      const found = yield* next
      assert.deepStrictEqual([found.added, found.sweep], [["undated closed"], "full"])
      // It is known and final: it is met again, and nothing is missed.
      const last = yield* next
      assert.deepStrictEqual([last.added, last.sweep], [[], "recent"])
    }).pipe(Effect.scoped)
  )

  it.live("costs nothing where --since leaves it out anyhow", () =>
    Effect.gen(function* () {
      const list = { rows: [undated("active"), ...days] }
      const { next } = yield* exporter(list, "--since", "2026-02-01")
      assert.notInclude((yield* next).added, "undated active")
      const { added, isOpen, sweep } = yield* next
      assert.deepStrictEqual([added, sweep, isOpen], [[], "recent", false])
    }).pipe(Effect.scoped)
  )
})
