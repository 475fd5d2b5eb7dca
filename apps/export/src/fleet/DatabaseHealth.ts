/**
 * Whether the database answers: told once when it goes, and once when it is back.
 */
import * as SteadyTime from "@hb-sessions/app-kit/SteadyTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { CurrentLogAnnotations } from "effect/References"
import { Queue, type QueueError } from "./Queue.ts"

/** How long to wait before the database is asked again. */
const NEXT_TRY = Duration.seconds(1)

/**
 * For how long all answers must have been answers before the database is told to be back, in milliseconds: one whose disk
 * is full answers some questions and fails others.
 */
const CALM = 3000

export interface DatabaseHealth {
  /** Runs something in the database and notes whether that worked. */
  readonly watch: <A, E, R>(self: Effect.Effect<A, E | QueueError, R>) => Effect.Effect<A, E | QueueError, R>
  /** As `watch`, again and again until the database answers. */
  readonly patiently: <A, E, R>(
    self: Effect.Effect<A, E | QueueError, R>
  ) => Effect.Effect<A, Exclude<E, QueueError>, R>
  /** Whether the last answer was one. */
  readonly isUp: () => boolean
  /** For how long all answers were answers, in milliseconds; 0 while the database is away. */
  readonly upFor: Effect.Effect<number>
  /** Milliseconds since the database last answered. */
  readonly sinceAnswer: Effect.Effect<number>
}

const isOfQueue = (error: unknown): error is QueueError =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "QueueError"

/** What is logged of the database is of no account. */
const ofAll = Effect.provideService(CurrentLogAnnotations, {})

/** Begins with a database that has just answered. */
export const make = Effect.fnUntraced(function* () {
  const { problemOf } = yield* Queue
  let upSince: number | undefined = yield* SteadyTime.now
  /** When it went, as told; undefined while it is told to be there. */
  let downSince: number | undefined
  let answered = upSince

  const up = Effect.gen(function* () {
    const now = yield* SteadyTime.now
    answered = now
    upSince ??= now
    if (downSince === undefined || now - upSince < CALM) return
    const seconds = Math.round((upSince - downSince) / 1000)
    downSince = undefined
    yield* Effect.logInfo(`the database is back after ${seconds} s`)
  })
  const down = Effect.fnUntraced(function* (error: QueueError) {
    upSince = undefined
    if (downSince !== undefined) return
    downSince = yield* SteadyTime.now
    yield* Effect.logWarning(
      `the database is unavailable (${problemOf(error).message}); running exports continue, and no new one starts until it is back`
    )
  })
  const watch: DatabaseHealth["watch"] = (self) =>
    self.pipe(
      Effect.tap(() => ofAll(up)),
      Effect.tapError((error) => ofAll(isOfQueue(error) ? down(error) : up))
    )
  const health: DatabaseHealth = {
    watch,
    patiently: (self) =>
      watch(self).pipe(
        Effect.retry({ while: (error) => (isOfQueue(error) ? Effect.as(Effect.sleep(NEXT_TRY), true) : false) }),
        Effect.catchIf(isOfQueue, Effect.die)
      ) as never,
    isUp: () => upSince !== undefined,
    upFor: Effect.map(SteadyTime.now, (now) => (upSince === undefined ? 0 : now - upSince)),
    sinceAnswer: Effect.map(SteadyTime.now, (now) => now - answered)
  }
  return health
})
