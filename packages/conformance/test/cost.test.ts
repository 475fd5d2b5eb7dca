import { assert, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Layer, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as Sessions from "@hb-sessions/core/Sessions"
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import { type Session, SessionId } from "@hb-sessions/core/Session"
import { changesPerResponse, measure } from "../src/Costs.ts"
import { isFull } from "../src/settings.ts"
import { kinds } from "../src/World.ts"

const TIMEOUT = 300_000

it.live(
  "a fast read of a quiet list asks for each page once",
  () =>
    Effect.gen(function* () {
      for (const rows of [1, 195, 200, 1000]) {
        assert.strictEqual((yield* measure({ kind: "quiet", rows, consistency: "fast" }, 3)).beyond, 0)
      }
    }),
  TIMEOUT
)

it.live(
  "a fast read seldom misses a session, even of a filtered list that changes with every tenth response",
  () =>
    Effect.gen(function* () {
      const shape = {
        kind: "close",
        status: "active",
        rows: 500,
        consistency: "fast",
        ...changesPerResponse(0.1)
      } as const
      const { losing, mean } = yield* measure(shape, 150)
      // A read that only reads every page once misses some in two of three.
      assert.isAtMost(losing, 0.15)
      assert.isAtMost(mean, 1.15)
    }),
  TIMEOUT
)

it.live(
  "a verified read of a quiet whole list takes at most two requests more",
  () =>
    Effect.gen(function* () {
      for (const rows of [1, 195, 200, 1000]) {
        for (const oldestFirst of [false, true]) {
          const { beyond, proven } = yield* measure({ kind: "quiet", rows, oldestFirst }, 3)
          assert.isAtMost(beyond, 2)
          assert.strictEqual(proven, 1)
        }
      }
    }),
  TIMEOUT
)

it.live(
  "a verified read of a whole list with one new session per 20 responses takes at most 1.25 requests a page",
  () =>
    Effect.gen(function* () {
      for (const totals of ["atomic", "before", "after"] as const) {
        for (const oldestFirst of [false, true]) {
          for (const rows of [195, 500, 1000]) {
            const shape = { kind: "grow", totals, oldestFirst, rows, ...changesPerResponse(0.05) } as const
            const { mean, proven } = yield* measure(shape, isFull ? 40 : 12)
            assert.isAtMost(mean, 1.25, `${totals} ${oldestFirst} ${rows}`)
            assert.strictEqual(proven, 1)
          }
        }
      }
    }),
  TIMEOUT
)

it.live(
  "a verified read of a filtered quiet list of 20 pages or more takes at most 2.2 requests a page",
  () =>
    Effect.gen(function* () {
      for (const rows of [195, 500]) {
        const { proven, worst } = yield* measure({ kind: "quiet", rows: 2 * rows + 40, status: "active" }, 20)
        assert.isAtMost(worst, 2.2)
        assert.strictEqual(proven, 1)
      }
    }),
  TIMEOUT
)

it.live(
  "a verified read takes at most 4 requests a page with 2 changes per 100 responses, of any kind",
  () =>
    Effect.gen(function* () {
      for (const kind of kinds) {
        for (const status of [undefined, "active"]) {
          const rows = status === undefined ? 500 : 1000
          const { mean, proven } = yield* measure({ kind, status, rows, ...changesPerResponse(0.02) }, isFull ? 30 : 15)
          assert.isAtMost(mean, 4, `${kind} ${status}`)
          assert.isAbove(proven, 0.9, `${kind} ${status}`)
        }
      }
    }),
  TIMEOUT
)

it.live(
  "a verified read down to since takes three requests more than pages, and is proven while sessions start",
  () =>
    Effect.gen(function* () {
      for (const newest of [5, 50, 300]) {
        const shape = { rows: 1000, newest }
        // The page that is older as a whole is read too.
        const pages = Math.ceil(newest / 10) + 1
        const quiet = yield* measure({ kind: "quiet", concurrency: 1, ...shape }, 3)
        assert.strictEqual(Math.round(quiet.mean * 100), pages + 3)
        assert.strictEqual(quiet.proven, 1)
        const growing = yield* measure({ kind: "grow", concurrency: 8, ...shape, ...changesPerResponse(0.05) }, 40)
        assert.isAtMost(growing.mean * 100, (pages + 8) * 1.25 + 4)
        assert.isAbove(growing.proven, 0.9)
      }
    }),
  TIMEOUT
)

/** 480 pages from a server that takes 20 milliseconds for each. */
const slow = Layer.succeed(
  SessionsClient,
  SessionsClient.of({
    getPage: ({ page = 1 }) =>
      Effect.delay(
        Effect.succeed({
          sessions: Array.from({ length: page > 480 ? 0 : 10 }, (_, index): Session => ({
            id: SessionId.make(`${page}-${index}`),
            createdAt: -page
          })),
          page,
          pageSize: 10,
          totalCount: 4800
        }),
        "20 millis"
      ),
    getPageResponse: () => Effect.die("not used")
  })
)

const timeOf = Effect.fnUntraced(function* (options: Sessions.ReadOptions) {
  const start = yield* Clock.currentTimeMillis
  const fiber = yield* Effect.forkChild(Stream.runDrain(Sessions.stream(options)))
  let steps = 0
  while (fiber.pollUnsafe() === undefined && steps++ < 10_000) yield* TestClock.adjust("10 millis")
  yield* Fiber.join(fiber)
  return (yield* Clock.currentTimeMillis) - start
})

it.effect(
  "16 requests at once take at most a twelfth of the time of one after another",
  () =>
    Effect.gen(function* () {
      for (const consistency of ["fast", "verified"] as const) {
        const alone = yield* timeOf({ concurrency: 1, consistency })
        const together = yield* timeOf({ concurrency: 16, consistency })
        assert.isAtMost(together, alone / 12, `${consistency}: ${alone} and ${together} ms`)
      }
    }).pipe(Effect.provide(slow)),
  TIMEOUT
)

it.live(
  "sessions that keep starting do not delay the end of a read",
  () =>
    Effect.gen(function* () {
      for (const rows of [3, 30]) {
        const { worst } = yield* measure({ kind: "grow", rows, pageSize: 1, ...changesPerResponse(0.3) }, 40)
        // At most 8 requests for each page at first and 64 more, after a pass that such a list makes half as long again.
        assert.isAtMost(worst, 10 + 120 / rows)
      }
    }),
  TIMEOUT
)
