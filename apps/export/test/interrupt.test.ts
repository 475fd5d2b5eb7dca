/**
 * What interruptions cost: a run that is told to stop keeps what it asked for, and the next one goes on from there.
 */
import { assert, describe, it } from "@effect/vitest"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { Effect } from "effect"
import { join } from "node:path"
import { environment, launch, manifestOf, publishedIds, run, scratch } from "./support.ts"

const SESSIONS = 1500
const IN_FLIGHT = 8
const PARTS = 6

describe("a run that is stopped by SIGTERM again and again", () => {
  const lists = [
    ["a quiet list costs at most a tenth more requests", 0, 1.1],
    ["a busy list costs at most half more", 0.2, 1.5]
  ] as const
  for (const [name, rate, bound] of lists) {
    it.live(
      name,
      () =>
        Effect.gen(function* () {
          const simulator = yield* Simulator
          const root = yield* scratch
          const env = environment(simulator)
          const asked = Effect.map(simulator.stats, ({ requests }) => requests)
          yield* simulator.setChurn({ start: rate, end: rate })
          const start = yield* asked
          assert.strictEqual((yield* run(env, "run", "--out", join(root, "whole"))).code, 0)
          const whole = (yield* asked) - start
          const out = join(root, "parts")
          const before = yield* asked
          for (let part = 1; part <= PARTS; part++) {
            const { child, ended } = launch(env, ["run", "--out", out])
            // Those in flight then come on top of it.
            const enough = (yield* asked) + Math.floor(whole / (PARTS + 2)) - IN_FLIGHT
            yield* Effect.repeat(Effect.delay(asked, "2 millis"), { until: (count) => count >= enough })
            child.kill("SIGTERM")
            assert.strictEqual(yield* Effect.promise(() => ended), 143)
          }
          const stable = simulator.world.ids()
          const last = yield* run(env, "run", "--out", out)
          assert.strictEqual(last.code, 0, last.stderr)
          const parts = (yield* asked) - before
          assert.isAtMost(parts, whole * bound, `${parts} requests instead of ${whole}`)
          const { completeness, resumed } = manifestOf(out)
          assert.deepStrictEqual([completeness, resumed], ["proven", PARTS])
          const found = new Set(publishedIds(out))
          assert.strictEqual(found.size, publishedIds(out).length)
          assert.deepStrictEqual(
            stable.filter((id) => !found.has(id)),
            []
          )
        }).pipe(Effect.provide(Simulator.layer({ sessions: SESSIONS, latency: "10 millis" })), Effect.scoped),
      60_000
    )
  }
})
