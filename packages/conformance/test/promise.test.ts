import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { describe, findBroken, type Outcome } from "../src/Judge.ts"
import { asResumable, judgeResumed, judgeScanned } from "../src/Resumed.ts"
import { seed, worlds } from "../src/settings.ts"

const TIMEOUT = 300_000

it.live(
  "keeps its promise on every list, server and network",
  () =>
    Effect.gen(function* () {
      const outcomes: Array<Outcome> = []
      const count = yield* worlds
      const broken = yield* findBroken({
        seed: yield* seed,
        worlds: count,
        onOutcome: (outcome) => outcomes.push(outcome)
      })
      assert.isUndefined(broken, broken && describe(broken))
      // A reader that never claims anything would keep the promise too.
      const verified = outcomes.filter(
        ({ error, scenario }) =>
          error === undefined &&
          scenario.consistency === "verified" &&
          scenario.missingTotals === 0 &&
          scenario.wrongTotal === "none"
      )
      const proven = verified.filter(({ report }) => report?.completeness.status === "proven")
      if (count >= 100) assert.isAbove(proven.length, verified.length * 0.9)
    }),
  TIMEOUT
)

const resumed = { "a token": judgeResumed, "a scan that was kept": judgeScanned }

for (const [form, judge] of Object.entries(resumed)) {
  it.live(
    `loses nothing when it is interrupted anywhere and resumed from ${form}`,
    () =>
      Effect.gen(function* () {
        const count = yield* worlds
        let proven = 0
        const broken = yield* findBroken({
          seed: yield* seed,
          worlds: Math.ceil(count / 4),
          judge,
          adapt: asResumable,
          onOutcome: ({ report }) => {
            if (report?.completeness.status === "proven") proven++
          }
        })
        assert.isUndefined(broken, broken && describe(broken))
        if (count >= 400) assert.isAbove(proven, count / 8)
      }),
    TIMEOUT
  )
}
