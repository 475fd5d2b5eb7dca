/**
 * A worker of a fleet: adds the jobs that are due, takes jobs, and runs the export of each job's account.
 */
import { AppError, type Failure } from "@hb-sessions/app-kit/AppError"
import type { Given } from "@hb-sessions/app-kit/Setting"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import type { Published } from "../publish/publishGeneration.ts"
import { exitCodes } from "../exitCodes.ts"
import { Admission } from "../operations/Admission.ts"
import * as Notify from "../operations/Notify.ts"
import { stopCode } from "../signals.ts"
import { codeOf, messageOf } from "../operations/RunMonitor.ts"
import type { SelectedAccount } from "../settings/accounts.ts"
import { Silence } from "../settings/destination.ts"
import * as AccountsFile from "./AccountsFile.ts"
import * as AccountState from "./AccountState.ts"
import * as Claims from "./Claims.ts"
import type { DatabaseHealth } from "./DatabaseHealth.ts"
import * as FleetRate from "./FleetRate.ts"
import * as outcomes from "./outcomes.ts"
import { type Claim, HEARTBEAT_SECONDS, MOST_LOSSES, Queue } from "./Queue.ts"
import { delayAfter, type RetryOptions } from "./retryPolicy.ts"
import * as Schedules from "./Schedules.ts"
import { someOf } from "./someOf.ts"
import * as Workers from "./Workers.ts"

/** How a worker works. */
export interface WorkerOptions<R> extends RetryOptions {
  /** The worker, as host:pid/id. */
  readonly name: string
  readonly given: Given
  /** Accounts that are exported at the same time. */
  readonly parallel: number
  /** Time for what runs to stop. */
  readonly gracePeriod: Duration.Duration
  /** Requests a second to one API host, of all workers; 0 for no limit. */
  readonly fleetRate: number
  /** Exports an account once. */
  readonly exportAccount: (one: SelectedAccount) => Effect.Effect<Published, Failure, R>
  /** Tells people if an account is stale, without a success for so long. */
  readonly checkStaleness: (one: SelectedAccount, waited: Duration.Duration) => Effect.Effect<void, never, R>
  /** Tells people of a failure without a run. */
  readonly tell: (one: SelectedAccount, failure: AppError) => Effect.Effect<void, never, R>
}

/** How often the queue is asked. */
const POLL = Duration.seconds(1)

/** How often silent workers are looked for. */
const SUPERVISE = Duration.seconds(5)

/** How often a worker says again which accounts it has, should their rows have got lost. */
const ANNOUNCE = Duration.minutes(1)

/** After the database was away, how long workers have to show that they are alive, in milliseconds. */
const RECOVERY = (HEARTBEAT_SECONDS + 5) * 1000

/** How long a worker without an account leaves its job to the others. */
const ELSEWHERE_SECONDS = 5

/** In a fleet, a silent run is known to be one whose worker is silent. */
const SILENCE = { directory: Duration.seconds(20), store: Duration.seconds(20) }

/** Works until it is interrupted; then it hands its jobs back. */
export const run = Effect.fn("Worker.run")(function* <R>(options: WorkerOptions<R>, health: DatabaseHealth) {
  const { given, name, parallel } = options
  const queue = yield* Queue
  const claims = yield* Claims.make(health)
  const rate = yield* FleetRate.make(options.fleetRate, health)
  const file = yield* AccountsFile.open(given)
  let accounts = file.first
  const fibers = new Set<Fiber.Fiber<void>>()
  /** Whether jobs may have been left for lack of room; then the end of a run is a reason to ask. */
  let hasMore = false
  const wake = yield* Latch.make()

  const schedules = () => new Map([...accounts].map(([account, { schedule }]) => [account, schedule]))

  /** Makes the accounts of the file those of the fleet. */
  const announce = Effect.gen(function* () {
    yield* Schedules.followClock()
    yield* Workers.lists(name, [...accounts.keys()])
    const back = yield* Schedules.register(schedules().values())
    if (back.length > 0) yield* Effect.logInfo(`listed and scheduled again: ${someOf(back)}`)
    // Else accounts of workers that could not show that they are alive would look unlisted.
    if ((yield* health.upFor) < RECOVERY) return
    const unlisted = yield* Schedules.markUnlisted()
    if (unlisted.length > 0) {
      yield* Effect.logWarning(
        `no worker's accounts file lists ${someOf(unlisted)}: not scheduled until one does; their history is kept until fleet forget`
      )
    }
  })

  const followFile = Effect.gen(function* () {
    accounts = yield* file.next
    yield* Effect.logInfo(`the accounts file has changed; it has ${accounts.size} accounts now`)
    yield* health.patiently(announce)
  }).pipe(Effect.forever)

  const runClaim = (claim: Claim) =>
    Effect.gen(function* () {
      const { account } = claim.data
      const one = accounts.get(account)?.one
      if (one === undefined) return yield* withoutAccount(claim)
      const isTold = (exitCode: number) => delayAfter(exitCode, claim.data.failures, options) === undefined
      yield* claims.within(claim, ({ guard, lost }) =>
        Effect.uninterruptibleMask(
          Effect.fnUntraced(function* (restore) {
            yield* restore(health.patiently(AccountState.began(claim, name)))
            const exit = yield* options.exportAccount(one).pipe(
              Effect.provideService(Admission, (api) => Effect.andThen(rate.admit(api.host), guard)),
              Effect.provideService(Notify.IsTold, isTold),
              Effect.provideService(Silence, SILENCE),
              Effect.raceFirst(Effect.as(Deferred.await(lost), undefined)),
              restore,
              Effect.exit
            )
            yield* claims.ending(claim)
            yield* ended(claim, exit)
          })
        )
      )
    }).pipe(
      Effect.annotateLogs("account", claim.data.account),
      Effect.catchCause((cause) =>
        Cause.hasInterruptsOnly(cause) ? Effect.void : Effect.logError(`unexpected error: ${defectOf(cause)}`)
      )
    )

  const tellLost = Effect.logError(
    `this worker sent no heartbeat for longer than ${HEARTBEAT_SECONDS} s, so another worker took over the run; here it ended with exit code ${exitCodes.locked}`
  )

  const ended = Effect.fnUntraced(function* (claim: Claim, exit: Exit.Exit<Published | undefined, Failure>) {
    const isHeld = yield* outcomeOf(claim, exit)
    if (!isHeld) yield* tellLost
  })

  /** Writes how a run ended; false if another worker has got its job. */
  const outcomeOf = Effect.fnUntraced(function* (claim: Claim, exit: Exit.Exit<Published | undefined, Failure>) {
    if (Exit.isSuccess(exit)) {
      if (exit.value === undefined) return false
      const { compacted, stored } = exit.value
      return yield* health.patiently(
        outcomes.succeeded(claim, {
          rows: stored.manifest.sessions,
          completeness: stored.manifest.completeness,
          generation: (compacted ?? stored).manifest.generation
        })
      )
    }
    if (Cause.hasInterruptsOnly(exit.cause)) {
      const isHeld = yield* health.patiently(outcomes.handBack(claim, "the worker stopped", { isFirst: true }))
      if (isHeld) yield* Effect.logInfo("stopped, and handed back to the other workers")
      return isHeld
    }
    const exitCode = codeOf(exit)
    const message = messageOf(exit.cause)
    const delay = delayAfter(exitCode, claim.data.failures, options)
    // So that many that failed at once do not come back at once.
    const seconds = delay === undefined ? undefined : (delay * (0.8 + 0.4 * (yield* Random.next))) / 1000
    yield* Effect.logError(`failed with exit code ${exitCode}: ${message}`)
    const isHeld = yield* health.patiently(outcomes.failed(claim, { exitCode, message }, seconds))
    if (isHeld) {
      yield* Effect.logInfo(seconds === undefined ? "not retried" : `retrying in ${Math.ceil(seconds)} s`)
    }
    return isHeld
  })

  /** The file of this worker may be older or newer than that of another, or short by mistake. */
  const withoutAccount = Effect.fnUntraced(function* (claim: Claim) {
    if (yield* health.patiently(AccountState.isKnown(claim.data.account))) {
      yield* health.patiently(outcomes.handBack(claim, "not in the accounts file", { afterSeconds: ELSEWHERE_SECONDS }))
      return
    }
    yield* health.patiently(outcomes.dropped(claim))
    yield* Effect.logWarning("not run: the accounts file has no such account")
  })

  /** Adds what is due, and takes as many jobs as there is room for. */
  const poll = Effect.gen(function* () {
    while (yield* Schedules.enqueueDue(schedules().values())) yield* Effect.yieldNow
    const room = parallel - fibers.size
    hasMore = room <= 0
    if (room <= 0) return
    // In one step: a job that is taken is run.
    yield* Effect.uninterruptible(
      Effect.gen(function* () {
        const taken = yield* queue.take(room)
        hasMore = taken.length === room
        for (const claim of taken) {
          const fiber = yield* Effect.forkDetach(Effect.interruptible(runClaim(claim)))
          fibers.add(fiber)
          fiber.addObserver(() => {
            fibers.delete(fiber)
            if (hasMore) Latch.openUnsafe(wake)
          })
        }
      })
    )
  })

  /** Jobs whose workers died again and again. */
  const park = Effect.gen(function* () {
    for (const claim of yield* queue.takeLost) {
      const { account } = claim.data
      const failure = new AppError({
        message: `its workers died or froze ${MOST_LOSSES + 1} times in a row while they ran it; check their logs and their memory limits`,
        exitCode: exitCodes.unexpected
      })
      yield* AccountState.lost(account, failure)
      yield* queue.completeLost(claim)
      yield* Effect.logError(`failed: ${failure.message}`).pipe(Effect.annotateLogs("account", account))
      const one = accounts.get(account)?.one
      if (one !== undefined) yield* options.tell(one, failure)
    }
  })

  const supervise = Effect.gen(function* () {
    yield* Workers.seen({ worker: name, parallel, running: fibers.size })
    // Else workers that could not show that they are alive would lose their jobs.
    if ((yield* health.upFor) < RECOVERY) return
    yield* queue.supervise
    yield* park
    for (const { account, seconds } of yield* AccountState.newlyStale([...accounts.keys()])) {
      const one = accounts.get(account)?.one
      if (one !== undefined) yield* options.checkStaleness(one, Duration.seconds(seconds))
    }
  })

  const again = <A, E, R2>(self: Effect.Effect<A, E, R2>, interval: Duration.Duration) =>
    Effect.repeat(Effect.ignore(health.watch(self)), Schedule.spaced(interval))

  const work = Effect.ignore(health.watch(poll)).pipe(
    Effect.andThen(Effect.timeoutOption(Latch.await(wake), POLL)),
    Effect.andThen(Latch.close(wake)),
    Effect.forever
  )

  const stop = Effect.fnUntraced(function* (working: Fiber.Fiber<void>) {
    if (fibers.size > 0) yield* Effect.logInfo(`stopping ${fibers.size} exports`)
    yield* Effect.forkDetach(Effect.interruptible(exitAfter(options.gracePeriod)))
    // Until they have stopped, no other worker may begin them.
    const beating = yield* Effect.forkDetach(Effect.interruptible(claims.heartbeat))
    // A frozen database holds up the taking of jobs; what was taken meanwhile is stopped after it.
    yield* Fiber.interruptAll([working, ...fibers])
    yield* Fiber.interruptAll(fibers)
    yield* Fiber.interrupt(beating)
    yield* Effect.ignore(Effect.timeout(Workers.remove(name), Duration.seconds(1)))
  })

  yield* announce
  yield* Workers.seen({ worker: name, parallel, running: 0 })
  yield* Effect.logInfo(`worker ${name} is ready: ${accounts.size} accounts, ${parallel} at a time`)
  yield* warnOfUnscheduled(accounts)
  const announceAgain = Effect.delay(again(announce, ANNOUNCE), RECOVERY)
  const all = Effect.all([claims.heartbeat, work, again(supervise, SUPERVISE), announceAgain, followFile], {
    concurrency: "unbounded",
    discard: true
  })
  // A fiber of its own, so that the grace period begins with the signal, whatever cannot be interrupted.
  return yield* Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Effect.forkDetach(Effect.interruptible(all)), (working) =>
      restore(Fiber.join(working)).pipe(Effect.onExit(() => stop(working)))
    )
  )
})

const defectOf = (cause: Cause.Cause<unknown>): string => {
  const defect = Cause.squash(cause)
  return defect instanceof Error ? defect.message : String(defect)
}

/** Ends the process although something does not stop; the jobs go to others when this worker has been silent. */
const exitAfter = (gracePeriod: Duration.Duration) =>
  Effect.sleep(gracePeriod).pipe(
    Effect.andThen(
      Effect.logWarning(
        `not everything stopped within --grace-period (${Duration.format(gracePeriod)}); other workers take over what is running`
      )
    ),
    Effect.andThen(Effect.sync(() => process.exit(stopCode())))
  )

const warnOfUnscheduled = (accounts: AccountsFile.Accounts) => {
  const names = [...accounts].filter(([, { schedule }]) => schedule.cron === undefined).map(([name]) => name)
  return names.length === 0
    ? Effect.void
    : Effect.logWarning(`without cron, these accounts run only when they are enqueued: ${names.join(", ")}`)
}
