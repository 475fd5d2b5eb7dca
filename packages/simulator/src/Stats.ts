/**
 * What a simulator has been asked and what became of it.
 */
import type { FaultKind } from "./Faults.ts"
import type { World } from "./World.ts"

/** The numbers at one moment; requests for the statistics themselves are not counted. */
export interface StatsSnapshot {
  /** Requests of any path, answered or not. */
  readonly requests: number
  /** Valid requests for sessions, by number of the page. */
  readonly byPage: Readonly<Record<string, number>>
  /** Answers, by HTTP status; an answer counts once its head was sent, even if its body was not. */
  readonly byStatusCode: Readonly<Record<string, number>>
  /** Faults that were answered with, by kind. */
  readonly faults: Readonly<Record<string, number>>
  /** Requests that are not finished. */
  readonly inFlight: number
  /** The largest number of requests that were unfinished at one time. */
  readonly maxInFlight: number
  /** Requests whose client closed the connection before the answer was complete. */
  readonly aborted: number
  /** Changes to the list since the start. */
  readonly mutations: {
    readonly started: number
    readonly ended: number
    readonly purged: number
    readonly updated: number
  }
  /** Sessions in the list. */
  readonly total: number
}

/** How a request ended. */
export interface Outcome {
  /** The HTTP status of the answer; undefined when there was none. */
  readonly status: number | undefined
  readonly aborted: boolean
}

/** Counts the requests of one simulator. */
export interface Stats {
  /** Notes a request and returns its number, from 1. */
  readonly begin: () => number
  readonly end: (outcome: Outcome) => void
  readonly countPage: (page: number) => void
  readonly countFault: (fault: FaultKind) => void
  readonly snapshot: () => StatsSnapshot
}

/** Makes counters that stand at 0. */
export const makeStats = (world: World): Stats => {
  const byPage = new Map<number, number>()
  const byStatusCode = new Map<number, number>()
  const faults = new Map<FaultKind, number>()
  let [requests, inFlight, maxInFlight, aborted] = [0, 0, 0, 0]
  return {
    begin: () => {
      inFlight += 1
      maxInFlight = Math.max(maxInFlight, inFlight)
      return ++requests
    },
    end: (outcome) => {
      inFlight -= 1
      if (outcome.status !== undefined) count(byStatusCode, outcome.status)
      if (outcome.aborted) aborted += 1
    },
    countPage: (page) => count(byPage, page),
    countFault: (fault) => count(faults, fault),
    snapshot: () => {
      const { start, end, purge, update } = world.mutations()
      return {
        requests,
        byPage: Object.fromEntries(byPage),
        byStatusCode: Object.fromEntries(byStatusCode),
        faults: Object.fromEntries(faults),
        inFlight,
        maxInFlight,
        aborted,
        mutations: { started: start, ended: end, purged: purge, updated: update },
        total: world.total()
      }
    }
  }
}

const count = <K>(counts: Map<K, number>, key: K): void => void counts.set(key, (counts.get(key) ?? 0) + 1)
