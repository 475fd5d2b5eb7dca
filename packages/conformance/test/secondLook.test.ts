/**
 * Lists that change once, at a known request, so that the total stays: what a second look at a page has to see.
 */
import { assert, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { type Session, SessionId } from "@hb-sessions/core/Session"
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import type { ScanReport } from "@hb-sessions/core/ScanReport"
import { type Rules, rules } from "../../core/src/internal/scan/Rules.ts"
import { run } from "../../core/src/internal/scan/run.ts"

const PAGE_SIZE = 10

interface Change {
  readonly rows: number
  readonly oldestFirst: boolean
  /** Number of the request, 1-based, before which the list changes. */
  readonly before: number
  /** Index of the row that leaves. */
  readonly leaves: number
  /** Index of the row that enters, once the other one has left; it is as old as its neighbour. */
  readonly enters: number
}

/** Reads the list one request after another. */
const read = Effect.fnUntraced(function* (change: Change, used: Rules = rules) {
  const { before, enters, leaves, oldestFirst, rows } = change
  const list = Array.from({ length: rows }, (_, index): Session => ({
    id: SessionId.make(`row-${index}`),
    createdAt: oldestFirst ? index : rows - index
  }))
  const [left] = list.slice(leaves)
  let requests = 0
  let report: ScanReport | undefined
  const emitted = new Set<string>()
  const client = SessionsClient.of({
    getPage: ({ page = 1 }) =>
      Effect.sync(() => {
        if (++requests === before) {
          list.splice(leaves, 1)
          list.splice(enters, 0, { ...list[Math.min(enters, list.length - 1)], id: SessionId.make("entered") })
        }
        const sessions = list.slice((page - 1) * PAGE_SIZE, page * PAGE_SIZE)
        return { sessions, page, pageSize: PAGE_SIZE, totalCount: list.length }
      }),
    getPageResponse: () => Effect.die("not used")
  })
  yield* run({ concurrency: 1, onReport: (value) => Effect.sync(() => void (report = value)) }, used).pipe(
    Stream.runForEach(({ sessions }) => Effect.sync(() => sessions.forEach(({ id }) => emitted.add(id)))),
    Effect.provideService(SessionsClient, client)
  )
  const lost = list.filter(({ id }) => id !== "entered" && id !== left?.id && !emitted.has(id)).length
  const completeness = report?.completeness
  return { lost, certificate: completeness?.status === "proven" ? completeness.certificate : undefined }
})

/** Pages 3 to 8 move up by a row when half of them have been read. */
const swap = { rows: 95, before: 7, leaves: 25, enters: 75 }

for (const oldestFirst of [false, true]) {
  const order = oldestFirst ? "oldest first" : "newest first"

  it.effect(`sees that a session left the middle while another one entered it: ${order}`, () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* read({ ...swap, oldestFirst }), { lost: 0, certificate: "moment" })
    })
  )

  it.effect(`notices that the page between the ends is not compared: ${order}`, () =>
    Effect.gen(function* () {
      const broken: Rules = { ...rules, onlyGrew: (seen) => rules.onlyGrew({ ...seen, keptRows: true }) }
      assert.deepStrictEqual(yield* read({ ...swap, oldestFirst }, broken), { lost: 1, certificate: "count" })
    })
  )
}

it.effect(
  "loses nothing of a list that is renewed right after its first page, whether its last page is full or not",
  () =>
    Effect.gen(function* () {
      for (const rows of [95, 100]) {
        for (const before of [2, 3, 7]) {
          const renewal = { rows, oldestFirst: true, before, leaves: 0, enters: rows - 1 }
          assert.deepStrictEqual(yield* read(renewal), { lost: 0, certificate: "moment" }, `${rows} ${before}`)
        }
      }
    })
)
