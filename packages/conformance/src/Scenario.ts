/**
 * Everything that decides how a read goes: a list, a server, and how it is read.
 */
import { makeRandom, type Random } from "./random.ts"
import type { ServerOptions } from "./Server.ts"
import { kinds, type WorldOptions } from "./World.ts"

export interface Scenario extends WorldOptions, ServerOptions {
  /** Decides the events. */
  readonly seed: number
  readonly consistency: "verified" | "fast"
  readonly concurrency: number
  /** Whether the page size is asked for, rather than the server's own. */
  readonly asksPageSize: boolean
  /** Whether a filter is applied by the server. */
  readonly serverFilters: boolean
  /** How many of the newest sessions are asked for, by their time; 0 for all. */
  readonly newest: number
}

/** Draws a scenario. */
export const drawScenario = (seed: number): Scenario => {
  const random = makeRandom(seed)
  const pageSize = random.pick([1, 2, 3, 3, 5, 5, 7, 10])
  const kind = random.pick(kinds)
  const tellsPage = random.chance(0.8)
  const missingTotals = random.pick([0, 0, 0, 0, 0, 0.2, 1])
  return {
    seed,
    kind,
    rows: random.below(random.pick([4, pageSize * 4, pageSize * 12])),
    oldestFirst: kind !== "update" && random.chance(0.25),
    status: drawStatus(random),
    pageSize,
    totals: random.pick(["atomic", "atomic", "before", "after"]),
    wrongTotal: random.chance(0.85) ? "none" : random.pick(["capped", "without-active", "one-less", "one-more"]),
    missingTotals,
    pastEnd: random.pick(["empty", "rejected", "clamped", "clamped-silently"]),
    tellsPage,
    tellsPageSize: random.chance(0.8),
    doublesPageSize: random.chance(0.05),
    pageOffset: random.chance(0.05) ? -1 : 0,
    changeRate: random.pick([0.002, 0.01, 0.03, 0.1, Math.min(0.3, pageSize * 0.05)]),
    slow: random.pick([0, 0, 0.1]),
    wrongPage: kind === "quiet" && missingTotals === 0 && tellsPage ? random.pick([0, 0, 0.2]) : 0,
    failing: 0,
    resizeAfter: random.chance(0.05) ? 1 + random.below(10) : 0,
    consistency: random.chance(0.85) ? "verified" : "fast",
    concurrency: random.pick([1, 2, 3, 4, 8, 8, 16]),
    asksPageSize: random.chance(0.3),
    serverFilters: random.chance(0.75),
    newest: random.chance(0.25) ? 1 + random.below(pageSize * 8) : 0,
    unreadable: 0,
    readsAlike: false
  }
}

const drawStatus = (random: Random): string | undefined => random.pick([undefined, "active", "active", "closed"])

/** A scenario is simpler without what these change; used to shrink one that fails. */
export const simplify = (scenario: Scenario): ReadonlyArray<Scenario> => {
  const candidates: ReadonlyArray<Partial<Scenario>> = [
    { rows: Math.floor(scenario.rows / 2) },
    { rows: Math.max(0, scenario.rows - scenario.pageSize) },
    { rows: Math.max(0, scenario.rows - 1) },
    { concurrency: 1 },
    { concurrency: Math.max(1, scenario.concurrency >> 1) },
    { totals: "atomic" },
    { missingTotals: 0 },
    { wrongTotal: "none" },
    { doublesPageSize: false },
    { pageOffset: 0 },
    { pastEnd: "empty" },
    { tellsPageSize: true },
    { slow: 0 },
    { resizeAfter: 0 },
    { asksPageSize: false },
    { oldestFirst: false },
    { serverFilters: true },
    { newest: 0 },
    { unreadable: 0 },
    { newest: scenario.newest >> 1 },
    { changeRate: scenario.changeRate / 2 }
  ]
  return candidates
    .filter((candidate) => Object.entries(candidate).some(([key, value]) => scenario[key as keyof Scenario] !== value))
    .map((candidate) => ({ ...scenario, ...candidate }))
}
