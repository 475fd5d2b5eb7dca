/**
 * How much one client, and one address, may ask.
 */

/** A bucket that fills at a constant rate. */
interface Bucket {
  tokens: number
  /** Refusals that are answered at once; it fills like the tokens. */
  refusals: number
  updatedAt: number
}

/** What is left of a limit after a request. */
export interface Taken {
  readonly isAllowed: boolean
  /** Requests that may follow at once. */
  readonly remaining: number
  /** Seconds until there is one more. */
  readonly resetSeconds: number
  /** Whether it was refused, and as many had been before as the limit allows requests. */
  readonly isFlood: boolean
}

/** One token bucket for each client. */
export class RateLimits {
  private readonly buckets = new Map<string, Bucket>()

  /** Takes one from the bucket of a client. `rate` is a second, `burst` the size; `now` is epoch milliseconds. */
  take(id: string, rate: number, burst: number, now: number): Taken {
    let bucket = this.buckets.get(id)
    if (bucket === undefined) {
      bucket = { tokens: burst, refusals: burst, updatedAt: now }
      this.buckets.set(id, bucket)
    }
    const elapsed = Math.max(0, now - bucket.updatedAt) / 1000
    bucket.tokens = Math.min(burst, bucket.tokens + elapsed * rate)
    bucket.refusals = Math.min(burst, bucket.refusals + elapsed * rate)
    bucket.updatedAt = now
    const isAllowed = bucket.tokens >= 1
    const isFlood = !isAllowed && bucket.refusals < 1
    if (isAllowed) bucket.tokens -= 1
    else if (!isFlood) bucket.refusals -= 1
    const missing = Math.max(0, 1 - bucket.tokens)
    return {
      isAllowed,
      isFlood,
      remaining: Math.floor(bucket.tokens),
      resetSeconds: missing === 0 ? Math.ceil(1 / rate) : Math.max(1, Math.ceil(missing / rate))
    }
  }
}

const WINDOW_MILLIS = 60_000
const MAX_FAILURES = 10
const MAX_ADDRESSES = 10_000

/**
 * Counts refused tokens by address: 10 a minute are told so, further ones are throttled.
 *
 * **Gotchas**
 *
 * A valid token is always welcome: clients behind one address cannot lock each other out, and 256 random bits are not
 * guessed by anybody. What the throttle saves is the log, and whoever reads it.
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
