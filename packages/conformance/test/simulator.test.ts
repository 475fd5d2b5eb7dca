/**
 * The same promises over HTTP, against the simulator: what a client really sends, as the server counts it.
 */
import { assert, it } from "@effect/vitest"
import * as Sessions from "@hb-sessions/core/Sessions"
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import { Simulator, type SimulatorOptions } from "@hb-sessions/simulator/Simulator"
import { Effect, Fiber, Layer, Redacted, Schedule, Stream } from "effect"
import { isFull } from "../src/settings.ts"

const TIMEOUT = 120_000

const layer = (options: SimulatorOptions) => {
  const simulator = Simulator.layer(options)
  const client = Layer.unwrap(
    Effect.map(Simulator, ({ apiKey, url }) =>
      SessionsClient.layer({ apiKey: Redacted.make(apiKey), baseUrl: new URL(url), retryBaseDelay: "1 millis" })
    )
  )
  return Layer.provideMerge(client, simulator)
}

/** Reads once; gives the requests that the server counted for each page of the list, and the report. */
const cost = (options: SimulatorOptions, read: Sessions.ReadOptions & { readonly status?: string }) =>
  Effect.gen(function* () {
    const { stats, world } = yield* Simulator
    const pages = Math.ceil(world.total(read.status) / 10)
    const { report, sessions } = yield* Sessions.collect(read)
    const { requests } = yield* stats
    assert.strictEqual(requests, report.requests)
    return { requests, report, sessions, pages, perPage: requests / pages }
  }).pipe(Effect.provide(layer({ sessions: 300, ...options })))

it.live("what reads of quiet lists cost", () =>
  Effect.gen(function* () {
    for (const order of ["created-desc", "created-asc", "updated-desc"] as const) {
      for (const totalRead of ["atomic", "before", "after"] as const) {
        const fast = yield* cost({ order, totalRead }, { consistency: "fast" })
        assert.strictEqual(fast.perPage, 1)
        const whole = yield* cost({ order, totalRead }, {})
        assert.isAtMost(whole.requests, whole.pages + 2)
        assert.strictEqual(whole.report.completeness.status, "proven")
        const closed = yield* cost({ order, totalRead }, { status: "closed" })
        assert.isAtMost(closed.perPage, 2.2)
        assert.strictEqual(closed.report.completeness.status, "proven")
      }
    }
  })
)

/** The mean over some lists, all of them proven. */
const meanCost = Effect.fnUntraced(function* (
  options: SimulatorOptions,
  read: Sessions.ReadOptions & { readonly status?: string },
  lists = 12
) {
  let sum = 0
  for (let seed = 1; seed <= lists; seed++) {
    const { perPage, report } = yield* cost({ seed: `${seed}`, activeShare: 0.7, ...options }, read)
    assert.strictEqual(report.completeness.status, "proven")
    sum += perPage
  }
  return sum / lists
})

it.live(
  "what reads of changing lists cost",
  () =>
    Effect.gen(function* () {
      for (const totalRead of ["atomic", "before", "after"] as const) {
        for (const order of ["created-desc", "created-asc"] as const) {
          const growing = yield* meanCost({ order, totalRead, churn: { start: 0.05 } }, {})
          // One list in twelve looks there as if a row had left, and is read twice more (ADR 0007).
          const most = order === "created-asc" && totalRead !== "atomic" ? 1.35 : 1.25
          assert.isAtMost(growing, most, `${totalRead} ${order}`)
        }
        for (const changes of [
          { churn: { start: 0.01, end: 0.01 } },
          { churn: { start: 0.01, purge: 0.01 } },
          { churn: { update: 0.02 }, order: "updated-desc" }
        ] as const) {
          for (const read of [{}, { status: "active" }]) {
            const changing = yield* meanCost({ totalRead, ...changes }, read, isFull ? 12 : 3)
            assert.isAtMost(changing, 4, `${totalRead} ${JSON.stringify({ changes, read })}`)
          }
        }
      }
    }),
  TIMEOUT
)

it.live("every session of a list is read, whatever is past its end", () =>
  Effect.gen(function* () {
    for (const pastEnd of ["empty", "error", "clamp"] as const) {
      const { report, sessions } = yield* cost(
        { pastEnd, sessions: 95, churn: { start: 0.05, end: 0.05, purge: 0.05 } },
        { concurrency: 4 }
      )
      assert.strictEqual(new Set(sessions.map(({ id }) => id)).size, sessions.length)
      assert.strictEqual(report.completeness.status, "proven")
    }
  })
)

it.live(
  "an interrupted read closes its connections",
  () =>
    Effect.gen(function* () {
      const { stats } = yield* Simulator
      const fiber = yield* Effect.forkChild(Stream.runDrain(Sessions.stream({ concurrency: 6 })))
      const until = (check: (inFlight: number) => boolean) =>
        stats.pipe(
          Effect.flatMap(({ inFlight }) => (check(inFlight) ? Effect.void : Effect.fail("not yet"))),
          Effect.retry({ schedule: Schedule.spaced("10 millis"), times: 1000 })
        )
      yield* until((inFlight) => inFlight === 6)
      yield* Fiber.interrupt(fiber)
      yield* until((inFlight) => inFlight === 0)
      assert.strictEqual((yield* stats).aborted, 6)
      assert.strictEqual((yield* stats).maxInFlight, 6)
    }).pipe(Effect.provide(layer({ sessions: 500, latency: "300 millis" }))),
  TIMEOUT
)
