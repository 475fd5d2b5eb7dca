import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { rules } from "../../core/src/internal/scan/Rules.ts"
import { playHistory } from "../src/History.ts"
import { seed, worlds } from "../src/settings.ts"

it.effect(
  "is given only to histories that saw every row that was there all the time, and never contradicted",
  () =>
    Effect.gen(function* () {
      const first = yield* seed
      const count = 5 * (yield* worlds)
      let proven = 0
      let missing = 0
      for (let history = first; history < first + count; history++) {
        const { missed, verdict } = playHistory(history, rules)
        assert.notStrictEqual(verdict, "contradicted", `history ${history}`)
        if (verdict === "proven") {
          proven++
          assert.strictEqual(missed, 0, `history ${history}`)
        }
        if (missed > 0) missing++
      }
      // Many histories must be proven, and many must miss rows, or this shows nothing.
      if (count >= 1000) {
        assert.isAbove(proven, count / 10)
        assert.isAbove(missing, count / 10)
      }
    }),
  120_000
)
