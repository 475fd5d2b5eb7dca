/**
 * The jobs that this worker runs: each shows activity, and ends when another worker has got it.
 *
 * A process that was frozen does not know what it missed: before each request, a run whose last sign of activity is too
 * old asks whether the job is still its own.
 */
import * as SteadyTime from "@hb-sessions/app-kit/SteadyTime"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Semaphore from "effect/Semaphore"
import type { DatabaseHealth } from "./DatabaseHealth.ts"
import { type Claim, HEARTBEAT_SECONDS, Queue } from "./Queue.ts"

/** How often a worker shows activity. */
const INTERVAL = Duration.seconds(HEARTBEAT_SECONDS / 3)

/** How long a sign of activity is good for: less than what others wait for, as the answer took its time. */
const GOOD_FOR = (HEARTBEAT_SECONDS - 3) * 1000

/** How long a request waits for a slow database, until it counts as away. */
const PATIENCE = Duration.seconds(20)

const NEXT_TRY = Duration.millis(200)

/** How often it is looked whether time passes, and after how long without a look the process was frozen. */
const TICK = Duration.seconds(1)
const FREEZE = 4000

/** A job that runs. */
export interface Running {
  readonly claim: Claim
  /** Succeeds when another worker has got the job. */
  readonly lost: Deferred.Deferred<void>
  /** Waits until it is known that the job is still this worker's. */
  readonly guard: Effect.Effect<void>
}

/** A time by both clocks: the steady one stands still while a machine sleeps. */
interface Moment {
  readonly steady: number
  readonly wall: number
}

const moment = Effect.gen(function* () {
  return { steady: yield* SteadyTime.now, wall: yield* Clock.currentTimeMillis } satisfies Moment
})

const ageOf = (from: Moment, to: Moment): number => Math.max(to.steady - from.steady, to.wall - from.wall)

const isFresh = (shown: Moment, now: Moment): boolean => ageOf(shown, now) < GOOD_FOR

export const make = Effect.fnUntraced(function* (health: DatabaseHealth) {
  const { touch } = yield* Queue
  const running = new Map<string, Running & { shown: Moment; isEnding: boolean }>()
  const onlyOne = yield* Semaphore.make(1)

  let ticked = yield* moment
  let frozeAt = -Infinity
  const tick = Effect.gen(function* () {
    const now = yield* moment
    if (ageOf(ticked, now) > FREEZE) frozeAt = now.steady
    ticked = now
  })
  /** Whether this process stood still between two moments, also if the timer has not run since. */
  const wasFrozen = (from: Moment, now: Moment): boolean => frozeAt >= from.steady || ageOf(ticked, now) > FREEZE

  const showAll = Effect.gen(function* () {
    const sent = yield* moment
    const all = [...running.values()]
    // Nothing is asked then, and so nothing is known of the database.
    if (all.length === 0) return
    const held = yield* Effect.option(health.watch(touch(all.map(({ claim }) => claim))))
    const answered = yield* moment
    for (const one of all) {
      // While the database is away, no other worker can get the job. It does not look so only because this process was
      // frozen meanwhile and its connections are gone.
      if (Option.isNone(held)) one.shown = isFresh(one.shown, sent) && !wasFrozen(sent, answered) ? answered : one.shown
      else if (held.value.has(one.claim.id)) one.shown = sent
      else if (!one.isEnding) yield* Deferred.succeed(one.lost, undefined)
    }
  })
  const show = onlyOne.withPermit(showAll)

  /** Runs something while a job is shown as active. */
  const within = <A, E, R>(claim: Claim, run: (running: Running) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.gen(function* () {
      const began = yield* moment
      const lost = yield* Deferred.make<void>()
      const guard: Effect.Effect<void> = Effect.gen(function* () {
        const isKnown = Effect.map(moment, (now) => isFresh(entry.shown, now))
        if (yield* isKnown) return
        const ask = onlyOne.withPermit(Effect.flatMap(isKnown, (found) => (found ? Effect.void : showAll)))
        const isAnswered = Effect.gen(function* () {
          yield* ask
          return (yield* isKnown) || (yield* Deferred.isDone(lost))
        })
        const answer = yield* isAnswered.pipe(
          Effect.repeat({ until: (found) => found, schedule: Schedule.spaced(NEXT_TRY) }),
          Effect.timeoutOption(PATIENCE)
        )
        if (Option.isNone(answer)) entry.shown = yield* moment
        if (yield* Deferred.isDone(lost)) return yield* Effect.never
      })
      const entry = { claim, lost, guard, shown: began, isEnding: false }
      running.set(claim.id, entry)
      return yield* run(entry)
    }).pipe(Effect.ensuring(Effect.sync(() => running.delete(claim.id))))

  /** From now on, that the job is gone is no loss: it is being ended. */
  const ending = ({ id }: Claim) =>
    Effect.sync(() => {
      const entry = running.get(id)
      if (entry !== undefined) entry.isEnding = true
    })

  return {
    within,
    ending,
    /** Shows activity again and again; never ends. */
    heartbeat: Effect.all(
      [Effect.repeat(show, Schedule.spaced(INTERVAL)), Effect.repeat(tick, Schedule.spaced(TICK))],
      { concurrency: "unbounded", discard: true }
    )
  }
})
