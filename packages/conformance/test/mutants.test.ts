/**
 * Tests of the tests: each of these rules is wrong, and the property that it breaks has to notice.
 */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { type Rules, rules } from "../../core/src/internal/sweep/Rules.ts"
import { playHistory } from "../src/History.ts"
import { findBroken, judge } from "../src/Judge.ts"

/** Scenarios, or histories, within which a mutant has to be found. */
const WORLDS = 20_000
const HISTORIES = 20_000

const reading: Record<string, { readonly mutation: Partial<Rules>; readonly breaks: RegExp }> = {
  "no second pass: as many rows as the total says are taken for all of them": {
    mutation: { mayLose: () => false, onlyGrew: () => true },
    breaks: /stable sessions lost/
  },
  "no dedupe": { mutation: { isEmitted: () => true }, breaks: /emitted twice/ },
  "a changed total is ignored": {
    mutation: { totalToReach: (_, first) => first, onlyGrew: ({ endsAgree }) => endsAgree },
    breaks: /stable sessions lost/
  },
  "the ends of the list are not looked at": {
    mutation: { onlyGrew: ({ totalFell }) => !totalFell },
    breaks: /stable sessions lost/
  },
  "the page that an answer names is ignored": {
    mutation: { isEcho: () => true },
    breaks: /quiet list|PaginationStuck/
  }
}

for (const [name, { breaks, mutation }] of Object.entries(reading)) {
  it.live(
    `notices: ${name}`,
    () =>
      Effect.gen(function* () {
        const broken = yield* findBroken({
          seed: 1,
          worlds: WORLDS,
          judge: (scenario) => judge(scenario, { ...rules, ...mutation })
        })
        assert.match(broken?.broken ?? "not noticed", breaks)
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
