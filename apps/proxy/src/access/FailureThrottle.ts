/**
 * How many invalid tokens one address may send.
 */
import type { SharedFailures } from "../redis/SharedFailures.ts"

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
  private readonly shared: SharedFailures | undefined

  /** `shared` counts them with those that other replicas see. */
  constructor(shared?: SharedFailures) {
    this.shared = shared
  }

  /** Notes a failure at `now`, epoch milliseconds; the seconds to wait, or 0 when the address has some left. */
  note(address: string, now: number): number {
    let found = this.windows.get(address)
    if (found === undefined || found.endsAt <= now) {
      this.windows.delete(address)
      if (this.windows.size >= MAX_ADDRESSES) this.forgetOldest()
      found = { count: 0, endsAt: now + WINDOW_MILLIS }
      this.windows.set(address, found)
    }
    const window = found
    window.count += 1
    this.shared?.add(address, WINDOW_MILLIS, (total) => {
      window.count = Math.max(window.count, total)
    })
    return found.count > MAX_FAILURES ? Math.max(1, Math.ceil((found.endsAt - now) / 1000)) : 0
  }

  private forgetOldest(): void {
    for (const address of this.windows.keys()) {
      this.windows.delete(address)
      return
    }
  }
}
