/**
 * How the accounts and the workers of a fleet are, for people and for programs.
 */
import { aligned } from "@hb-sessions/app-kit/aligned"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Staleness from "../operations/Staleness.ts"
import * as AccountState from "./AccountState.ts"
import { PARKED_SECONDS, Queue, RUNS } from "./Queue.ts"
import { GONE_SECONDS } from "./Schedules.ts"

/** A worker as it was last seen. */
export interface WorkerStatus {
  /** host:pid/id */
  readonly worker: string
  readonly started: string
  readonly seen: string
  /** Accounts that it exports at the same time. */
  readonly parallel: number
  readonly running: number
}

/** An account; the names are those of the manifest and of notifications where they mean the same. */
export interface AccountStatus {
  readonly account: string
  /** In words, such as `failed, waiting`. */
  readonly state: string
  /** Whether the accounts file has it; absent where none was given. */
  readonly isInFile?: boolean
  /** Since when no worker's accounts file lists it; absent while one does. */
  readonly unlistedSince?: string
  /** Whether a worker has ever registered it. */
  readonly isKnown: boolean
  readonly paused: boolean
  /** Whether it failed and is not retried by itself. */
  readonly failed: boolean
  /** Why it is stale; absent while it is not. */
  readonly stale?: string
  readonly staleAfterSeconds?: number
  readonly cron?: string
  readonly tz?: string
  readonly nextRun?: string
  /** The last success. */
  readonly published?: {
    readonly ended: string
    readonly ageSeconds: number
    readonly generation: number
    readonly sessions: number
    readonly completeness: "proven" | "unproven"
  }
  /** The last failure; absent where none is known. */
  readonly lastError?: {
    readonly ended: string
    readonly exitCode: number
    readonly message: string
  }
  /** Failed runs since the last success. */
  readonly failures: number
  readonly running?: { readonly worker: string; readonly since: string; readonly seen: string }
  /** A run that waits for a worker, from this time on. */
  readonly waiting?: { readonly from: string }
}

export interface FleetStatus {
  /** By the clock of the database, as all times. */
  readonly time: string
  readonly accounts: ReadonlyArray<AccountStatus>
  readonly workers: ReadonlyArray<WorkerStatus>
}

/** What is asked. */
export interface StatusOptions {
  /** The accounts of the file, if one was given. */
  readonly inFile: ReadonlyArray<string> | undefined
  /** `--stale-after` for all accounts. */
  readonly staleAfter: Duration.Duration | undefined
  /** `--stale-after` for accounts without one of their own. */
  readonly staleAfterDefault: Duration.Duration | undefined
}

interface Waiting {
  readonly account: string
  readonly from: Date
}

interface WorkerRow extends Omit<WorkerStatus, "started" | "seen"> {
  readonly started: Date
  readonly seen: Date
}

const iso = (time: Date): string => time.toISOString()

/** Reads how the fleet is. */
export const read = Effect.fn("FleetStatus.read")(function* (options: StatusOptions) {
  const { schema, sql } = yield* Queue
  const [clock] = yield* sql<{ readonly now: Date }>("SELECT now()")
  const now = clock?.now ?? new Date(Number.NaN)
  const states = yield* AccountState.all()
  const waiting = yield* sql<Waiting>(
    `SELECT singleton_key AS account, start_after AS "from" FROM ${schema}.job
      WHERE name = '${RUNS}' AND state < 'active' AND start_after < now() + interval '${PARKED_SECONDS / 2} seconds'`
  )
  const workers = yield* sql<WorkerRow>(
    `SELECT worker, started, seen, parallel, running FROM ${schema}.fleet_worker
      WHERE seen > now() - interval '${GONE_SECONDS} seconds' ORDER BY worker`
  )
  const known = new Map(states.map((state) => [state.account, state]))
  const waits = new Map(waiting.map(({ account, from }) => [account, from]))
  const names = [...new Set([...known.keys(), ...(options.inFile ?? [])])].toSorted()
  const inFile = options.inFile === undefined ? undefined : new Set(options.inFile)
  const status: FleetStatus = {
    time: iso(now),
    accounts: names.map((name) =>
      statusOf(name, { state: known.get(name), waits: waits.get(name), isInFile: inFile?.has(name), now, options })
    ),
    workers: workers.map((row) => ({ ...row, started: iso(row.started), seen: iso(row.seen) }))
  }
  return status
})

interface Found {
  readonly state: AccountState.AccountState | undefined
  readonly waits: Date | undefined
  readonly isInFile: boolean | undefined
  readonly now: Date
  readonly options: StatusOptions
}

const statusOf = (account: string, found: Found): AccountStatus => {
  const { isInFile, now, options, state, waits } = found
  const own = state?.staleAfterSeconds ?? undefined
  const staleAfter = options.staleAfter ?? (own === undefined ? options.staleAfterDefault : Duration.seconds(own))
  const lastSuccess = state?.lastSuccess ?? undefined
  const stale =
    staleAfter === undefined
      ? undefined
      : Staleness.problem({
          lastSuccess: lastSuccess === undefined ? undefined : iso(lastSuccess),
          staleAfter,
          now: now.getTime()
        })
  const details: Omit<AccountStatus, "account" | "state"> = {
    ...(isInFile === undefined ? {} : { isInFile }),
    isKnown: state !== undefined,
    paused: state?.paused ?? false,
    failed: state?.failed ?? false,
    ...(stale === undefined ? {} : { stale }),
    ...(staleAfter === undefined ? {} : { staleAfterSeconds: Duration.toSeconds(staleAfter) }),
    failures: state?.failures ?? 0,
    ...(waits === undefined ? {} : { waiting: { from: iso(waits) } }),
    ...(state === undefined ? {} : ofState(state, now))
  }
  return { account, state: inWords(details), ...details }
}

/** What the row of an account says beside its marks. */
const ofState = (state: AccountState.AccountState, now: Date): Partial<AccountStatus> => ({
  tz: state.tz,
  ...(state.cron === null ? {} : { cron: state.cron }),
  ...(state.unlistedSince === null ? {} : { unlistedSince: iso(state.unlistedSince) }),
  ...(state.nextDue === null || state.unlistedSince !== null ? {} : { nextRun: iso(state.nextDue) }),
  ...(state.lastSuccess === null
    ? {}
    : {
        published: {
          ended: iso(state.lastSuccess),
          ageSeconds: Math.max(0, Math.round((now.getTime() - state.lastSuccess.getTime()) / 1000)),
          generation: state.lastGeneration ?? 0,
          sessions: state.lastRows ?? 0,
          completeness: state.lastCompleteness ?? "unproven"
        }
      }),
  ...(state.lastErrorAt === null
    ? {}
    : {
        lastError: {
          ended: iso(state.lastErrorAt),
          exitCode: state.lastExitCode ?? 1,
          message: state.lastMessage ?? ""
        }
      }),
  ...(state.worker === null || state.runningSince === null
    ? {}
    : {
        running: {
          worker: state.worker,
          since: iso(state.runningSince),
          seen: iso(state.lastHeartbeat ?? state.runningSince)
        }
      })
})

const short = (time: string): string => `${time.slice(0, 19)}Z`

const inWords = (one: Omit<AccountStatus, "account" | "state">): string => {
  const words = [
    ...(one.failed ? ["failed"] : []),
    ...(one.stale === undefined ? [] : ["stale"]),
    ...(one.paused ? ["paused"] : []),
    ...(one.unlistedSince === undefined ? [] : [`unlisted since ${short(one.unlistedSince)}`]),
    ...(one.isInFile === false && one.unlistedSince === undefined ? ["not in the file"] : []),
    ...(one.isKnown ? [] : ["no worker has it"]),
    ...(one.running === undefined ? [] : ["running"]),
    ...(one.waiting === undefined ? [] : [one.failures > 0 && !one.failed ? "retrying" : "waiting"])
  ]
  if (words.length > 0) return words.join(", ")
  return one.published === undefined ? "never run" : "ok"
}

/** The accounts that an operator has to look at. */
export const problems = ({ accounts }: FleetStatus): ReadonlyArray<AccountStatus> =>
  accounts.filter(({ failed, stale }) => failed || stale !== undefined)

/** A duration in its largest two units. */
const roughly = (seconds: number): string => {
  const units = [
    [86_400, "d"],
    [3600, "h"],
    [60, "min"],
    [1, "s"]
  ] as const
  const at = units.findIndex(([size]) => seconds >= size)
  const parts = units.slice(Math.max(0, at), Math.max(0, at) + 2).map(([size, unit], index) => {
    const whole = Math.floor((index === 0 ? seconds : seconds % (units[at]?.[0] ?? 1)) / size)
    return whole === 0 && index > 0 ? "" : `${whole} ${unit}`
  })
  return at === -1 ? "0 s" : parts.filter((part) => part !== "").join(" ")
}

/** Text of others, on one line and not too long. */
const shown = (text: string): string => {
  const line = text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, " ").trim()
  return line.length > LONGEST ? `${line.slice(0, LONGEST - 1)}…` : line
}

const LONGEST = 120

/** A line for each account below a header, and one for each worker. */
export const toTable = ({ accounts, time, workers }: FleetStatus): ReadonlyArray<string> => [
  ...aligned([
    [
      "account",
      "state",
      "last success",
      "age",
      "rows",
      "completeness",
      "next run",
      "running on",
      "since",
      "last error"
    ],
    ...accounts.map((one) => [
      shown(one.account),
      one.state,
      one.published === undefined ? "-" : short(one.published.ended),
      one.published === undefined ? "-" : roughly(one.published.ageSeconds),
      String(one.published?.sessions ?? "-"),
      one.published?.completeness ?? "-",
      one.paused || one.nextRun === undefined ? "-" : short(one.nextRun),
      shown(one.running?.worker ?? "-"),
      one.running === undefined ? "-" : short(one.running.since),
      // After a success, the error before it is of interest to programs only.
      one.lastError === undefined || one.failures === 0
        ? "-"
        : shown(`${one.lastError.exitCode}: ${one.lastError.message}`)
    ])
  ]),
  "",
  ...(workers.length === 0
    ? [`no worker was seen within ${GONE_SECONDS} s, at ${short(time)}`]
    : aligned([
        ["worker", "running", "of", "started", "seen"],
        ...workers.map((one) => [
          shown(one.worker),
          String(one.running),
          String(one.parallel),
          short(one.started),
          short(one.seen)
        ])
      ]))
]
