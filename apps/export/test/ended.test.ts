/**
 * A session that has ended is final, with or without the time of its end: later nights need not read back to it.
 */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { join } from "node:path"
import { serve } from "./list.ts"
import { manifestOf, runHere as run, scratch } from "./support.ts"

const PAGE = 20
const SESSIONS = 1000
const OLD = 900

const session = (index: number, status = "closed") => ({
  id: `00000000-0000-4000-8000-${String(index + 10).padStart(12, "0")}`,
  status,
  createdAt: new Date(Date.UTC(2026, 0, 31) - index * 600_000).toISOString(),
  ...(status === "closed" ? { endTime: String(Date.UTC(2026, 0, 31) - index * 600_000 + 1000) } : { endTime: null })
})

/** How many rows the second night reads, of a list with an old session of a status that has no end. */
const secondNight = (status: string) =>
  Effect.gen(function* () {
    const rows = Array.from({ length: SESSIONS }, (_, index) => session(index, index === OLD ? status : "closed"))
    const env = yield* serve({ rows, pageSize: PAGE })
    const out = join(yield* scratch, "out")
    const words = ["run", "--out", out, "--mode", "incremental", "--look-back", "1h"]
    assert.strictEqual((yield* run(env, ...words)).code, 0)
    rows.unshift(session(-1))
    const { code, stderr } = yield* run(env, ...words)
    assert.strictEqual(code, 0, stderr)
    const { bookmark, report } = manifestOf(out)
    return { bookmark, rowsRead: report.rowsRead }
  }).pipe(Effect.scoped)

for (const status of ["close-error", "error", "expired"]) {
  it.live(`${status} without an end: the next night reads only what is new`, () =>
    Effect.gen(function* () {
      assert.isBelow((yield* secondNight(status)).rowsRead, 10 * PAGE)
    })
  )
}

it.live("active: the next night reads back to it, as it may end", () =>
  Effect.gen(function* () {
    assert.isAtLeast((yield* secondNight("active")).rowsRead, OLD)
  })
)
