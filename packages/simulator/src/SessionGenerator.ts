/**
 * Sessions as a function of a seed and a number, so that a list of millions needs no memory until it is read.
 *
 * Session 0 is the oldest. Usage grows over the period: most sessions lie in its last weeks.
 */
import type { Session } from "@hb-sessions/core/Session"
import { generateLaunchState } from "./internal/launchState.ts"
import { makeRng, type Rng } from "./Rng.ts"

/** The statuses of simulated sessions; the last one is not in the contract and occurs only when asked for. */
export const sessionStatuses = ["active", "closed", "error", "close-error"] as const
export type SimulatedStatus = (typeof sessionStatuses)[number]

/** A session in the form of the contract, as it goes over the wire. */
export type SessionRecord = typeof Session.Encoded

/** What changes in the life of a session; times are epoch milliseconds. */
export interface SessionFacts {
  readonly status: SimulatedStatus
  readonly createdAt: number
  /** Null while the browser has not started. */
  readonly startTime: number | null
  /** Null while the browser runs, and for a session that never started. */
  readonly endTime: number | null
  readonly updatedAt: number
}

/** What the generated sessions look like. */
export interface GeneratorOptions {
  /** Any text; equal seeds give equal sessions. Default `hyperbrowser`. */
  readonly seed?: string | undefined
  /** How many sessions there are at the start. Default 1000. */
  readonly sessions?: number | undefined
  /** Epoch milliseconds at which the list is first read. Default 2026-01-01T00:00:00Z. */
  readonly epoch?: number | undefined
  /** Days before `epoch` over which the sessions lie. Default 90. */
  readonly days?: number | undefined
  /** How many teams own the sessions. Default 4. */
  readonly teams?: number | undefined
  /** Share of sessions that are active, all among the newest. Default 0.1. */
  readonly activeShare?: number | undefined
  /** Share of the ended sessions in status `error`. Default 0.05. */
  readonly errorShare?: number | undefined
  /** Share of the ended sessions in status `close-error`, which the contract does not know. Default 0. */
  readonly closeErrorShare?: number | undefined
}

/** Generates the sessions of one seed. */
export interface SessionGenerator {
  /** Status of a session of the start, which is the cheapest thing to know of it. */
  readonly statusOf: (serial: number) => SimulatedStatus
  /** Facts of a session of the start. */
  readonly factsOf: (serial: number) => SessionFacts
  /** Status that a session takes when it ends, for any serial. */
  readonly endStatusOf: (serial: number) => SimulatedStatus
  /** Id of a session, for any serial. */
  readonly idOf: (serial: number) => string
  /** The record of a session, for any serial. */
  readonly recordOf: (serial: number, facts: SessionFacts) => SessionRecord
}

/** What a number is drawn for; each purpose has its own numbers. */
const Field = {
  id: 1,
  status: 2,
  end: 3,
  created: 4,
  start: 5,
  length: 6,
  updated: 7,
  team: 8,
  nulls: 9,
  credits: 10,
  setup: 11
}

/** Teams launch their browsers in so many different ways, again and again. */
const SETUPS = 500

const DAY = 86_400_000
const HOUR = 3_600_000

/** Makes the generator of the options. */
export const makeGenerator = (options: GeneratorOptions = {}): SessionGenerator => {
  const seed = options.seed ?? defaults.seed
  const sessions = options.sessions ?? defaults.sessions
  const epoch = options.epoch ?? defaults.epoch
  const span = (options.days ?? 90) * DAY
  const teams = Math.max(1, options.teams ?? 4)
  const activeShare = Math.min(1, Math.max(0, options.activeShare ?? 0.1))
  const errorShare = options.errorShare ?? 0.05
  const closeErrorShare = options.closeErrorShare ?? 0
  const rng = makeRng(seed)
  const teamRng = makeRng(`${seed}/teams`)
  const setupRng = makeRng(`${seed}/setups`)
  const setups: Array<{ readonly launchState: SessionRecord["launchState"] }> = []

  // Half of the newest sessions are active, so that active and ended ones alternate in the list.
  const window = Math.min(sessions, Math.ceil(2 * activeShare * sessions))
  const activeChance = window === 0 ? 0 : (activeShare * sessions) / window

  const endStatusOf = (serial: number): SimulatedStatus => {
    const draw = rng.fraction(serial, Field.end)
    if (draw < errorShare) return "error"
    return draw < errorShare + closeErrorShare ? "close-error" : "closed"
  }

  const statusOf = (serial: number): SimulatedStatus =>
    serial >= sessions - window && rng.fraction(serial, Field.status) < activeChance ? "active" : endStatusOf(serial)

  const createdAtOf = (serial: number): number => {
    const age = (sessions - serial - 0.1 - 0.8 * rng.fraction(serial, Field.created)) / sessions
    return Math.floor(epoch - span * (0.01 * age + 0.99 * age ** 3))
  }

  const factsOf = (serial: number): SessionFacts => {
    const status = statusOf(serial)
    const createdAt = createdAtOf(serial)
    const started = Math.min(epoch, createdAt + 150 + rng.below(2850, serial, Field.start))
    const updateDelay = rng.fraction(serial, Field.updated)
    if (status === "active") {
      const updatedAt = Math.floor(started + updateDelay * (epoch - started))
      return { status, createdAt, startTime: isOneIn(rng, 12, serial) ? null : started, endTime: null, updatedAt }
    }
    if (status === "error" && isOneIn(rng, 2, serial)) {
      const updatedAt = Math.min(epoch, createdAt + 1000 + Math.floor(updateDelay * 29_000))
      return { status, createdAt, startTime: null, endTime: null, updatedAt }
    }
    const endTime = started + Math.floor(lengthOf(rng, serial, epoch - started))
    const updatedAt = Math.min(epoch, endTime + 20 + Math.floor(updateDelay * 1980))
    return { status, createdAt, startTime: started, endTime, updatedAt }
  }

  const idOf = (serial: number) => rng.uuid(serial, Field.id)

  const launchStateOf = (serial: number) => {
    const setup = rng.below(SETUPS, serial, Field.setup)
    setups[setup] ??= { launchState: generateLaunchState(setupRng, setup) }
    return setups[setup].launchState
  }

  const recordOf = (serial: number, facts: SessionFacts): SessionRecord => {
    const launchState = launchStateOf(serial)
    const creditsUsed = creditsOf(rng, serial, facts)
    return {
      id: idOf(serial),
      teamId: teamRng.uuid(rng.below(teams, serial, Field.team), Field.id),
      status: facts.status,
      startTime: facts.startTime === null ? null : String(facts.startTime),
      ...endTimeOf(rng, serial, facts),
      createdAt: new Date(facts.createdAt).toISOString(),
      updatedAt: new Date(facts.updatedAt).toISOString(),
      ...(launchState === undefined ? {} : { launchState }),
      ...(creditsUsed === undefined ? {} : { creditsUsed })
    }
  }

  return { statusOf, factsOf, endStatusOf, idOf, recordOf }
}

/** What a world is made of when nothing else is asked for. */
export const defaults = { seed: "hyperbrowser", sessions: 1000, epoch: Date.UTC(2026, 0, 1) }

const isOneIn = (rng: Rng, chances: number, serial: number): boolean => rng.below(chances, serial, Field.nulls) === 0

/** Minutes, seldom hours; never longer than there was time. */
const lengthOf = (rng: Rng, serial: number, available: number): number => {
  const draw = rng.fraction(serial, Field.length)
  const usual = 3000 - Math.log(1 - draw) * 6 * 60_000
  const length = rng.below(20, serial, Field.length + 100) === 0 ? Math.min(usual * 20, 12 * HOUR) : usual
  return length < available ? length : available * draw
}

/** A session that has no end yet has a null or nothing there. */
const endTimeOf = (rng: Rng, serial: number, facts: SessionFacts): { readonly endTime?: string | null } => {
  if (facts.endTime !== null) return { endTime: String(facts.endTime) }
  return rng.word(serial, Field.nulls) % 3 === 0 ? {} : { endTime: null }
}

/** A hundred credits an hour; null, nothing or the sum so far while the session runs. */
const creditsOf = (rng: Rng, serial: number, facts: SessionFacts): number | null | undefined => {
  const choice = rng.below(10, serial, Field.credits)
  if (facts.status === "active" && choice < 5) return null
  if (facts.status === "active" && choice < 7) return undefined
  if (facts.startTime === null) return choice < 5 ? 0 : null
  const length = (facts.endTime ?? facts.updatedAt) - facts.startTime
  const factor = choice === 9 ? 2.5 : 1
  return Math.round((Math.max(0, length) / HOUR) * 100 * factor * 10_000) / 10_000
}
