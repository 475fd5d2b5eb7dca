/**
 * A long list in a small heap. With HB_SESSIONS_TEST_FULL=1 it is a million sessions in 96 MB.
 */
import { assert, describe, it } from "@effect/vitest"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { Effect } from "effect"
import { bin, environment, launch, manifestOf, scratch } from "./support.ts"

const [sessions, megabytes] = process.env["HB_SESSIONS_TEST_FULL"] === "1" ? [1_000_000, 96] : [30_000, 24]

describe("memory", { timeout: 1_200_000 }, () => {
  it.live(`${sessions} sessions fit into a heap of ${megabytes} MB`, () =>
    Effect.gen(function* () {
      const env = environment(yield* Simulator)
      const out = yield* scratch
      const node = [process.execPath, `--max-old-space-size=${megabytes}`, bin]
      const { ended } = launch(env, ["run", "--out", out, "--page-size", "100", "--mode", "incremental"], node)
      assert.strictEqual(yield* Effect.promise(() => ended), 0)
      assert.strictEqual(manifestOf(out).sessions, sessions)
    }).pipe(Effect.provide(Simulator.layer({ sessions })), Effect.scoped)
  )
})
