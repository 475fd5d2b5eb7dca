/**
 * Totals that are too low, from a server that tells one only now and then: the last page may be one that tells none.
 */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { plain } from "../src/Costs.ts"
import { judge } from "../src/Judge.ts"
import { drawScenario } from "../src/Scenario.ts"

const READS = 100

for (const wrongTotal of ["without-active", "capped", "one-less"] as const) {
  it.live(
    `are refuted though some answers tell none: ${wrongTotal}`,
    () =>
      Effect.gen(function* () {
        const shape = { kind: "quiet", rows: 21, pageSize: 3, missingTotals: 0.2, wrongTotal } as const
        for (let seed = 1; seed <= READS; seed++) {
          const { broken } = yield* judge({ ...drawScenario(seed), ...plain, ...shape, seed })
          assert.isUndefined(broken, `seed ${seed}`)
        }
      }),
    120_000
  )
}
