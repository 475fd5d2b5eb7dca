/**
 * How many requests a read takes, over many random reads of lists of one shape.
 */
import { Effect } from "effect"
import { judge } from "./Judge.ts"
import { drawScenario, type Scenario } from "./Scenario.ts"

export interface Cost {
  /** Requests for each page that the list had when the read began; the mean over the reads. */
  readonly mean: number
  /** The same, for the read that took the most. */
  readonly worst: number
  /** The share of reads that were proven. */
  readonly proven: number
  /** The share of reads that missed a session that was there all the time. */
  readonly losing: number
  /** Requests beyond one a page; the largest over the reads. */
  readonly beyond: number
}

/** A plain server and a list that is read in full: 10 a page, 8 requests at once. */
export const plain: Partial<Scenario> = {
  oldestFirst: false,
  status: undefined,
  pageSize: 10,
  totals: "atomic",
  missingTotals: 0,
  wrongTotal: "none",
  doublesPageSize: false,
  pageOffset: 0,
  pastEnd: "empty",
  tellsPage: true,
  tellsPageSize: true,
  changeRate: 0,
  slow: 0,
  wrongPage: 0,
  failing: 0,
  resizeAfter: 0,
  consistency: "verified",
  concurrency: 8,
  asksPageSize: false,
  serverFilters: true,
  newest: 0
}

/** Changes of the list for each response; a request is three events. */
export const changesPerResponse = (changes: number): Partial<Scenario> => ({ changeRate: changes / 3 })

export const measure = Effect.fnUntraced(function* (shape: Partial<Scenario>, reads = 60) {
  let sum = 0
  let worst = 0
  let proven = 0
  let losing = 0
  let beyond = 0
  for (let seed = 1; seed <= reads; seed++) {
    const outcome = yield* judge({ ...drawScenario(seed), ...plain, ...shape, seed })
    if (outcome.broken !== undefined) return yield* Effect.die(new Error(outcome.broken))
    const each = outcome.requests / outcome.pages
    sum += each
    worst = Math.max(worst, each)
    if (outcome.lost > 0) losing++
    beyond = Math.max(beyond, outcome.requests - outcome.pages)
    if (outcome.report?.completeness.status === "proven") proven++
  }
  const cost: Cost = { mean: sum / reads, worst, proven: proven / reads, losing: losing / reads, beyond }
  return cost
})
