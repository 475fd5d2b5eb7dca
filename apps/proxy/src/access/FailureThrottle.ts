/**
 * How many invalid tokens one address may send.
 */

const WINDOW_MILLIS = 60_000
const MAX_FAILURES = 10
const MAX_ADDRESSES = 10_000

/**
 * Counts rejected tokens by address: 10 a minute are answered at once, further ones are throttled.
 *
 * **Gotchas**
 *
 * A valid token always passes: clients behind one address cannot lock each other out, and 256 random bits cannot be
 * guessed. What the throttle saves is the log.
 */
export class FailureThrottle {
  private readonly windows = new Map<string, { count: number; endsAt: number }>()

  /** Notes a failure at `now`, epoch milliseconds; the seconds to wait, or 0 when the address has some left. */
  note(address: string, now: number): number {
    const found = this.windows.get(address)
    if (found === undefined || found.endsAt <= now) {
      this.windows.delete(address)
      if (this.windows.size >= MAX_ADDRESSES) this.forgetOldest()
      this.windows.set(address, { count: 1, endsAt: now + WINDOW_MILLIS })
      return 0
    }
    found.count += 1
    return found.count > MAX_FAILURES ? Math.max(1, Math.ceil((found.endsAt - now) / 1000)) : 0
  }

  private forgetOldest(): void {
    for (const address of this.windows.keys()) {
      this.windows.delete(address)
      return
    }
  }
}
