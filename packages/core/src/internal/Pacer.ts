/**
 * Spaces the requests of one client, and slows down when the server asks for it.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/** First distance between requests, in milliseconds, after a client without a limit was told to slow down. */
const FIRST_INTERVAL = 25
/** Milliseconds that a clock which is set back does not stretch. */
export const steadyMillis: Effect.Effect<number> = Effect.map(
  Clock.monotonicTimeNanos,
  (nanos) => Number(nanos) / 1_000_000
)

const MAX_INTERVAL = 10_000
const RECOVERY = 0.8

/**
 * One token bucket without a burst: requests start at least `interval` milliseconds apart.
 *
 * **Details**
 *
 * A 429 doubles the interval and holds everybody back for as long as the server asks; each answer after that shortens
 * the interval by a fifth, down to what the client was configured with.
 */
export class Pacer {
  private readonly floor: number
  private interval: number
  private nextAt = 0

  /** `maxRequestsPerSecond` is 0 or undefined for no limit. */
  constructor(maxRequestsPerSecond: number | undefined) {
    this.floor = maxRequestsPerSecond === undefined || maxRequestsPerSecond === 0 ? 0 : 1000 / maxRequestsPerSecond
    this.interval = this.floor
  }

  /** Waits until the next request may start. */
  readonly turn: Effect.Effect<void> = Effect.flatMap(steadyMillis, (now) => {
    const at = Math.max(now, this.nextAt)
    this.nextAt = at + this.interval
    return at > now ? Effect.sleep(at - now) : Effect.void
  })

  /** The server limits the rate, and asks to wait for so many milliseconds if it says how long. */
  slowDown(now: number, waitMillis: number): void {
    this.interval = Math.min(MAX_INTERVAL, Math.max(FIRST_INTERVAL, this.interval * 2))
    this.nextAt = Math.max(this.nextAt, now + waitMillis)
  }

  /** The server answered. */
  recover(): void {
    const shorter = this.interval * RECOVERY
    this.interval = shorter <= Math.max(this.floor, 1) ? this.floor : shorter
  }
}
