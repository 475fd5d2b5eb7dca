/**
 * How many requests a second the upstream gets, and how one turn of them is kept in reserve.
 */

/** First distance between requests, in milliseconds, after an upstream without a limit asked to slow down. */
const FIRST_INTERVAL = 25
const MAX_INTERVAL = 10_000
const RECOVERY = 0.8

/** What may be saved up: the turn that may be taken, and the reserve. */
export const SAVED = 2
/** Turns that a timer's lateness must not lose, in milliseconds. */
const SLACK_MILLIS = 20

/** When requests may be sent to the upstream. */
export interface Turns {
  /** Milliseconds between two turns. */
  readonly interval: number
  /**
   * Milliseconds from `now`, steady, until a turn can be taken, for one of `wanted` requests that wait; `isLight` for one
   * that may take the reserve.
   */
  readonly wait: (now: number, isLight: boolean, wanted: number) => number
  /** Takes a turn. */
  readonly take: (now: number) => void
  /** The upstream limits the rate, and asks to wait for so many milliseconds. */
  readonly slowDown: (now: number, waitMillis: number) => void
  /** The upstream answered. */
  readonly recover: () => void
}

/**
 * A bucket of turns that fills at the rate of the upstream.
 *
 * **Details**
 *
 * Two turns can be saved up. Those who take much wait until both are there and so leave one to those who take little.
 * A 429 doubles the distance between turns and holds all requests back for as long as the upstream asks; each answer after
 * that shortens the distance by a fifth, down to what was configured.
 */
export class Pace implements Turns {
  private readonly floor: number
  private distance: number
  private saved: number
  private filledAt: number | undefined
  private heldUntil = -Infinity

  /** `perSecond` is above 0; undefined for no limit. `saved` turns can be taken at once. */
  constructor(perSecond: number | undefined, saved = SAVED) {
    this.saved = saved
    this.floor = perSecond === undefined ? 0 : 1000 / perSecond
    this.distance = this.floor
  }

  get interval(): number {
    return this.distance
  }

  wait(now: number, isLight: boolean): number {
    this.fill(now)
    const held = Math.max(0, this.heldUntil - now)
    return this.distance === 0 ? held : Math.max(held, ((isLight ? 1 : SAVED) - this.saved) * this.distance, 0)
  }

  take(): void {
    if (this.distance > 0) this.saved = Math.max(0, this.saved - 1)
  }

  slowDown(now: number, waitMillis: number): void {
    this.fill(now)
    this.distance = Math.min(MAX_INTERVAL, Math.max(FIRST_INTERVAL, this.distance * 2))
    this.saved = Math.min(this.saved, 1)
    this.heldUntil = Math.max(this.heldUntil, now + waitMillis)
  }

  recover(): void {
    const shorter = this.distance * RECOVERY
    this.distance = shorter <= Math.max(this.floor, 1) ? this.floor : shorter
  }

  private fill(now: number): void {
    const elapsed = now - (this.filledAt ?? now)
    this.filledAt = now
    if (this.distance === 0) return
    const most = SAVED + Math.max(0.5, SLACK_MILLIS / this.distance)
    this.saved = Math.min(most, this.saved + elapsed / this.distance)
  }
}
