/**
 * How many answers a read waits for one after another: what a short list costs on a real network.
 */
import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { type Session, SessionId } from "../src/Session.ts"
import * as Sessions from "../src/Sessions.ts"
import { SessionsClient } from "../src/SessionsClient.ts"

const listOf = (count: number): ReadonlyArray<Session> =>
  Array.from({ length: count }, (_, index) => ({
    id: SessionId.make(`s${index}`),
    createdAt: 1_000_000 - index,
    status: "active"
  }))

/** Reads where each answer takes a second: so many seconds, so many round trips. */
const read = Effect.fnUntraced(function* (list: ReadonlyArray<Session>, options: Sessions.ReadOptions) {
  const asked: Array<number> = []
  const client = SessionsClient.of({
    getPage: ({ page = 1 }) =>
      Effect.suspend(() => {
        asked.push(page)
        const sessions = list.slice((page - 1) * 10, page * 10)
        return Effect.delay(Effect.succeed({ sessions, totalCount: list.length, page, pageSize: 10 }), "1 second")
      }),
    getPageResponse: () => Effect.die("not used")
  })
  const reading = Sessions.collect(options).pipe(Effect.provideService(SessionsClient, client))
  const fiber = yield* Effect.forkChild(reading)
  let roundTrips = 0
  for (; fiber.pollUnsafe() === undefined; roundTrips++) yield* TestClock.adjust("1 second")
  const { report, sessions } = yield* Fiber.join(fiber)
  assert.deepStrictEqual(sessions, list)
  return { asked, report, roundTrips }
})

const fast = { consistency: "fast" } as const
const active = { status: "active" } as const

for (const [name, options, sessions, roundTrips, requests] of [
  // Page 1; the others, 16 at a time; the proof.
  ["a whole list", {}, 195, 1 + 2 + 1, 22],
  ["a whole list of full pages", {}, 200, 1 + 2 + 1 + 1, 22],
  ["a whole list of two pages", {}, 15, 1 + 1 + 1, 4],
  ["a fast read", fast, 195, 1 + 2, 20],
  // Page 1 again, and the moment; the last page, and all of them.
  ["a list that the server filters", active, 195, 1 + 2 + 2 + 2, 43],
  ["a short list that the server filters", active, 95, 1 + 1 + 2 + 1, 23],
  ["one page that the server filters", active, 5, 1 + 2 + 1, 4]
] as const) {
  it.effect(`${name}, of ${sessions} sessions, takes ${roundTrips} round trips and ${requests} requests`, () =>
    Effect.gen(function* () {
      const result = yield* read(listOf(sessions), { concurrency: 16, ...options })
      assert.deepStrictEqual([result.roundTrips, result.asked.length], [roundTrips, requests])
      assert.strictEqual(result.report.completeness.status, options === fast ? "unproven" : "proven")
    })
  )
}
