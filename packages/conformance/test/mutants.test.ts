/**
 * Tests of the tests: each of these rules is wrong, and the property that it breaks has to notice.
 */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { type Rules, rules } from "../../core/src/internal/scan/Rules.ts"
import { playHistory } from "../src/History.ts"
import { findBroken, judge } from "../src/Judge.ts"
import { asResumable, judgeScanned } from "../src/Resumed.ts"
import { drawScenario, type Scenario } from "../src/Scenario.ts"

/** Scenarios, or histories, within which a mutant has to be found. */
const WORLDS = 20_000
const HISTORIES = 20_000

const asTold: Rules["placedBetween"] = (bounds, told) => (told === undefined ? bounds : [told, told])

interface Mutant {
  readonly mutation: Partial<Rules>
  readonly breaks: RegExp
  /** The kind of scenario in which it is most easily noticed. */
  readonly adapt?: (scenario: Scenario) => Scenario
  /** The first scenario; the one that notices it is not far from there. */
  readonly seed?: number
}

/** A list that is newest first, read down to a time. */
const recentOnly = (scenario: Scenario): Scenario => ({
  ...scenario,
  oldestFirst: false,
  status: undefined,
  consistency: "verified",
  missingTotals: 0,
  wrongTotal: "none",
  doublesPageSize: false,
  pageSize: 3,
  rows: 60,
  newest: 40,
  concurrency: 8,
  changeRate: 0.05
})

/** A whole list and a plain server. */
const whole = (scenario: Scenario): Scenario => ({
  ...scenario,
  oldestFirst: false,
  status: undefined,
  consistency: "verified",
  missingTotals: 0,
  wrongTotal: "none",
  doublesPageSize: false,
  resizeAfter: 0,
  pageSize: 5,
  rows: 60,
  newest: 0,
  concurrency: 8,
  changeRate: 0.05
})

/** A list that loses a row wherever it gains one at its head, or at its end. */
const exchanging = (scenario: Scenario): Scenario => ({ ...whole(scenario), kind: "exchange" })

const reading: Record<string, Mutant> = {
  "no second pass: as many rows as the total says are taken for all of them": {
    mutation: { mayLose: () => false, onlyGrew: () => true },
    breaks: /stable sessions lost/
  },
  "no dedupe": { mutation: { isEmitted: () => true }, breaks: /emitted twice/ },
  "a changed total is ignored": {
    mutation: { totalToReach: (_, first) => first, onlyGrew: ({ endsAgree }) => endsAgree, placedBetween: asTold },
    adapt: (scenario) => ({ ...scenario, wrongTotal: "none" }),
    breaks: /stable sessions lost/,
    seed: 1500
  },
  "the ends of the list are not looked at": {
    mutation: { onlyGrew: ({ totalFell }) => !totalFell },
    breaks: /stable sessions lost, .*count/,
    adapt: (scenario) => ({ ...exchanging(scenario), oldestFirst: scenario.seed % 2 === 0 })
  },
  "the page after a full last page is not read": {
    mutation: { looksPastEnd: false },
    breaks: /not the quiet list|wrong total was proven/,
    adapt: (scenario) => ({ ...whole(scenario), kind: "quiet", wrongTotal: "capped" })
  },
  "rows beyond the total are ignored": {
    mutation: { mayExceed: () => true, onlyGrew: () => true },
    breaks: /stable sessions lost|wrong total was proven/,
    adapt: (scenario) => ({ ...whole(scenario), kind: "close", wrongTotal: "one-less" })
  },
  "rows that pages share need not agree with the total down to a time": {
    mutation: { overlapsAgree: () => true },
    breaks: /stable sessions lost, .*position/,
    adapt: (scenario) => ({ ...recentOnly(scenario), kind: "late" })
  },
  "rows are placed by the total that came with them": {
    mutation: { placedBetween: asTold },
    breaks: /stable sessions lost, .*position/,
    adapt: (scenario) => ({ ...recentOnly(scenario), kind: "grow", totals: "before" })
  },
  "sessions that left above since are not looked for": {
    mutation: { noneLeft: () => true },
    breaks: /stable sessions lost, .*position/,
    seed: 1250,
    adapt: (scenario) => ({ ...recentOnly(scenario), kind: "purge" })
  },
  "the page that an answer names is ignored": {
    mutation: { isEcho: () => true },
    breaks: /quiet list|PaginationStuck/,
    seed: 1800
  }
}

for (const [name, { adapt, breaks, mutation, seed = 1 }] of Object.entries(reading)) {
  it.live(
    `notices: ${name}`,
    () =>
      Effect.gen(function* () {
        const broken = yield* findBroken({
          seed,
          worlds: WORLDS,
          ...(adapt === undefined ? {} : { adapt }),
          judge: (scenario) => judge(scenario, { ...rules, ...mutation })
        })
        assert.match(broken?.broken ?? "not noticed", breaks)
      }),
    120_000
  )
}

const resuming: Record<string, Mutant> = {
  "a scan that goes on counts the pages that were in flight": {
    mutation: { restoredPage: (taken, completed) => Math.max(taken, completed) },
    breaks: /quiet list/,
    adapt: (scenario) => ({ ...asResumable(scenario), kind: "quiet", concurrency: 8, rows: 30, pageSize: 3, newest: 0 })
  }
}

for (const [name, { adapt = asResumable, breaks, mutation, seed = 1 }] of Object.entries(resuming)) {
  it.live(
    `notices: ${name}`,
    () =>
      Effect.gen(function* () {
        let noticed = "not noticed"
        for (let world = seed; world < seed + WORLDS && !breaks.test(noticed); world++) {
          const { broken } = yield* judgeScanned(adapt(drawScenario(world)), { ...rules, ...mutation })
          noticed = broken ?? noticed
        }
        assert.match(noticed, breaks)
      }),
    120_000
  )
}

const certifying: Record<string, Partial<Rules>> = {
  "the moment's own rows count": {
    knownBefore: ({ completed }) => completed + 1,
    knownAfter: ({ asked }) => asked - 1
  },
  "the moment's own rows count as read before it": { knownBefore: ({ completed }) => completed + 1 },
  "the moment's own rows count as read after it": { knownAfter: ({ asked }) => asked - 1 },
  "responses in flight count as read before the moment": { readAt: ({ asked }) => asked },
  "responses that are complete before the moment is count as read before it": {
    knownBefore: ({ completed }) => completed
  },
  "responses in flight count as read after the moment": { knownAfter: ({ asked }) => asked }
}

for (const [name, mutation] of Object.entries(certifying)) {
  it(`notices: ${name}`, { timeout: 120_000 }, () => {
    let found = false
    for (let history = 1; history <= HISTORIES && !found; history++) {
      const { missed, verdict } = playHistory(history, { ...rules, ...mutation })
      found = verdict === "proven" && missed > 0
    }
    assert.isTrue(found)
  })
}
