/**
 * What follows after a run that failed.
 */
import * as Duration from "effect/Duration"
import { exitCodes } from "../exitCodes.ts"

/** How runs are retried. */
export interface RetryOptions {
  /** Retries of a run before its account has failed. */
  readonly runRetries: number
  /** Delay of the first retry. */
  readonly retryDelay: Duration.Duration
}

/** The codes after which a retry may help; the others need an operator. */
const worthRetry: ReadonlySet<number> = new Set([
  exitCodes.unavailable,
  exitCodes.disk,
  exitCodes.locked,
  exitCodes.interrupted,
  exitCodes.stopped
])

const LONGEST = 15 * 60_000

/** A destination is held until the lock of a run that was killed lapses. */
const FIRST_WAIT_FOR_LOCK = 5000

/**
 * The delay of the next retry in milliseconds, `failures` being the failed runs before this one; undefined when the
 * account has failed.
 */
export const delayAfter = (
  exitCode: number,
  failures: number,
  { retryDelay, runRetries }: RetryOptions
): number | undefined => {
  if (!worthRetry.has(exitCode) || failures >= runRetries) return undefined
  const first =
    exitCode === exitCodes.locked
      ? Math.min(FIRST_WAIT_FOR_LOCK, Duration.toMillis(retryDelay))
      : Duration.toMillis(retryDelay)
  return Math.min(LONGEST, first * 2 ** failures)
}
