/**
 * Lists that change, and in which some rows have no usable id: such a row is handed over once, is lost in no proof, and
 * hides no session.
 */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { plain } from "../src/Costs.ts"
import { describe, findBroken, judge as judgeOnce, type Outcome } from "../src/Judge.ts"
import { asResumable, judgeResumed, judgeScanned } from "../src/Resumed.ts"
import { drawScenario, type Scenario } from "../src/Scenario.ts"
import { seed, worlds } from "../src/settings.ts"

const TIMEOUT = 300_000

const shares = [0.02, 0.1, 0.3, 0.6, 1]

const withUnreadable =
  (readsAlike: boolean) =>
  (scenario: Scenario): Scenario => ({
    ...scenario,
    // A wrong page in the place of the one past the end is what servers answer that give their last page again there.
    wrongPage: scenario.wrongTotal === "none" ? scenario.wrongPage : 0,
    unreadable: shares[scenario.seed % shares.length] ?? 0,
    readsAlike
  })

const adapts = { "can be told apart": withUnreadable(false), "read alike": withUnreadable(true) }

for (const [rows, adapt] of Object.entries(adapts)) {
  it.live(
    `keeps its promise where rows without an id ${rows}`,
    () =>
      Effect.gen(function* () {
        const outcomes: Array<Outcome> = []
        const count = Math.ceil((yield* worlds) / 4)
        const onOutcome = (outcome: Outcome) => outcomes.push(outcome)
        const broken = yield* findBroken({ seed: yield* seed, worlds: count, adapt, onOutcome })
        assert.isUndefined(broken, broken && describe(broken))
        const told = outcomes.filter(({ report }) => (report?.unreadableRows ?? 0) > 0)
        const proven = told.filter(({ report }) => report?.completeness.status === "proven")
        if (count >= 100) assert.isAbove(proven.length, rows === "read alike" ? 0 : told.length / 2)
      }),
    TIMEOUT
  )
}

for (const [form, judge] of Object.entries({ "a token": judgeResumed, "a scan that was kept": judgeScanned })) {
  it.live(
    `loses nothing beside rows without an id when it is resumed from ${form}`,
    () =>
      Effect.gen(function* () {
        const adapt = (scenario: Scenario) => asResumable(adapts["can be told apart"](scenario))
        const count = Math.ceil((yield* worlds) / 16)
        const broken = yield* findBroken({ seed: yield* seed, worlds: count, judge, adapt })
        assert.isUndefined(broken, broken && describe(broken))
      }),
    TIMEOUT
  )
}

it.live(
  "reads pages of nothing but rows that read alike to the end",
  () =>
    Effect.gen(function* () {
      for (const consistency of ["fast", "verified"] as const) {
        const shape = { kind: "quiet", rows: 95, unreadable: 1, readsAlike: true, consistency } as const
        const { error, pages, report, requests } = yield* judgeOnce({ ...drawScenario(1), ...plain, ...shape })
        assert.isUndefined(error)
        assert.isAtLeast(requests, pages)
        assert.strictEqual(report?.completeness.status, "unproven")
      }
    }),
  TIMEOUT
)
