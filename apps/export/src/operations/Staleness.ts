/**
 * Whether the last success of an export is too long ago.
 */
import * as SteadyTime from "@hb-sessions/app-kit/SteadyTime"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Semaphore from "effect/Semaphore"
import type { Memory } from "./Memory.ts"

/** How far ahead of the clock what has happened may lie, in milliseconds: clocks of two machines differ. */
const CLOCK_TOLERANCE = 3_600_000

/** What is known of an export, and how old it may be. */
export interface Freshness {
  /** When the published generation was finished; undefined if nothing is published. */
  readonly lastSuccess: string | undefined
  readonly staleAfter: Duration.Duration
  /** Epoch milliseconds. */
  readonly now: number
}

/** Milliseconds since the last success; infinite if there was none, or if its time cannot be. */
const ageOf = ({ lastSuccess, now }: Freshness): number => {
  const passed = lastSuccess === undefined ? Number.NaN : now - Date.parse(lastSuccess)
  // A success in the future is of a clock that was set back since: its time may come in years.
  return passed >= -CLOCK_TOLERANCE ? Math.max(0, passed) : Infinity
}

/** Why an export is stale; undefined while it is not. */
export const problem = (freshness: Freshness): string | undefined => {
  const { lastSuccess, now, staleAfter } = freshness
  const age = ageOf(freshness)
  if (age < Duration.toMillis(staleAfter)) return undefined
  if (lastSuccess === undefined) return "nothing is published"
  return Number.isFinite(age)
    ? `no success for ${roughly(age)}, since ${lastSuccess}`
    : `the last success is of ${lastSuccess}, and now it is ${new Date(now).toISOString()}; check the clock of this machine`
}

/** A duration in its two largest units. */
const roughly = (millis: number): string =>
  Duration.format(Duration.millis(Math.round(millis)))
    .split(" ")
    .slice(0, 2)
    .join(" ")

/** When to try again to tell that an export is stale, in milliseconds, if no recipient accepted it. */
const NEXT_TRY = 300_000

/** What an alarm needs to know, and whom it tells. */
export interface AlarmOptions<Success extends { readonly ended: string }> {
  /** The last success. */
  readonly published: Effect.Effect<Option.Option<Success>>
  readonly memory: Pick<Memory, "read">
  /** How long a success was waited for before this process began to; 0 by default. */
  readonly waited?: Duration.Duration | undefined
  /** Succeeds with whether that was accepted. */
  readonly tell: (
    problem: string,
    staleAfter: Duration.Duration,
    published: Option.Option<Success>
  ) => Effect.Effect<boolean>
}

/**
 * Makes a check that tells once that an export is stale, and again each time that it has been so for as long again.
 *
 * **Details**
 *
 * The check succeeds with the milliseconds after which it is worth another look. Nothing can be expected of an export
 * without a success until this process has waited as long; what another process told before is taken into account.
 */
export const alarm = Effect.fn("Staleness.alarm")(function* <Success extends { readonly ended: string }>({
  memory,
  published,
  tell,
  waited = Duration.zero
}: AlarmOptions<Success>) {
  const began = (yield* SteadyTime.now) - Duration.toMillis(waited)
  // The success after which it was told, and the steady time until which that is enough.
  let quiet: { readonly after: string | undefined; readonly until: number } | undefined
  const onlyOne = yield* Semaphore.make(1)

  const check = Effect.fnUntraced(function* (staleAfter: Duration.Duration) {
    const limit = Duration.toMillis(staleAfter)
    const steady = yield* SteadyTime.now
    const now = yield* Clock.currentTimeMillis
    const found = yield* published
    const after = Option.getOrUndefined(Option.map(found, ({ ended }) => ended))
    if (after === undefined && steady - began < limit) return limit - (steady - began)
    const freshness = { lastSuccess: after, staleAfter, now }
    const message = problem(freshness)
    if (message === undefined) return limit - ageOf(freshness)
    if (quiet === undefined) {
      const before = Option.getOrUndefined(yield* memory.read)?.staleTold ?? Number.NaN
      const isOfThis = after === undefined || before > Date.parse(after)
      const passed = Math.max(0, now - before)
      if (isOfThis && before <= now + CLOCK_TOLERANCE && passed < limit)
        quiet = { after, until: steady + limit - passed }
    }
    if (quiet === undefined || quiet.after !== after || quiet.until <= steady) {
      const isAccepted = yield* tell(message, staleAfter, found)
      quiet = { after, until: steady + (isAccepted ? limit : Math.min(limit, NEXT_TRY)) }
    }
    return quiet.until - steady
  })
  return (staleAfter: Duration.Duration) => onlyOne.withPermit(check(staleAfter))
})

/** Timers cannot exceed 24.8 days, and waking up often notices a machine that slept. */
const LONGEST_SLEEP = 60_000

/** Waits, by whichever clock comes first: steady time stands still while a machine sleeps. */
export const wait = Effect.fnUntraced(function* (millis: number) {
  const steadyEnd = (yield* SteadyTime.now) + millis
  const end = (yield* Clock.currentTimeMillis) + millis
  for (;;) {
    const left = Math.min(steadyEnd - (yield* SteadyTime.now), end - (yield* Clock.currentTimeMillis))
    if (left <= 0) return
    yield* Effect.sleep(Math.min(left, LONGEST_SLEEP))
  }
})
