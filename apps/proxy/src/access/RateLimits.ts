/**
 * How many requests one client may send.
 */

import type { Exchange } from "../http/Exchange.ts"
import { reject, type Rejection } from "../http/Problem.ts"
import type { SharedRates } from "../redis/SharedRates.ts"
import type { Client } from "./Token.ts"

/** The limit of tokens without a rate of their own. */
export interface RateOptions {
  /** Requests a second; 0 for no limit. */
  readonly rate: number
  /** Requests at once. */
  readonly burst: number
  /** Counts them with those that other replicas get. */
  readonly sharedRates?: SharedRates | undefined
}

/** A bucket that fills at a constant rate. */
interface Bucket {
  /** The limit that it was asked with last, and what the header says of it. */
  rate: number
  burst: number
  policy: string
  tokens: number
  /** Rejections that are sent at once; it fills like the tokens. */
  rejections: number
  updatedAt: number
}

/** What is left of a limit after a request. */
interface Taken {
  readonly policy: string
  readonly isAllowed: boolean
  /** Requests that may follow at once. */
  readonly remaining: number
  /** Seconds until there is one more. */
  readonly resetSeconds: number
  /** Whether it was rejected, and as many had been before as the limit allows requests. */
  readonly isFlood: boolean
}

/** One token bucket for each client. */
export class RateLimits {
  private readonly buckets = new Map<string, Bucket>()

  private readonly options: RateOptions

  constructor(options: RateOptions) {
    this.options = options
  }

  /** Counts a request at `now()`, steady milliseconds, and tells its answer what is left; the rejection of one too many. */
  check(exchange: Pick<Exchange, "common">, client: Client, now: () => number): Rejection | undefined {
    const rate = client.rate ?? this.options.rate
    if (rate === 0) return undefined
    const burst = client.rate === undefined ? this.options.burst : Math.max(1, Math.ceil(client.rate * 2))
    const taken = this.take(client.id, rate, burst, now())
    exchange.common.push(
      "ratelimit-policy",
      taken.policy,
      "ratelimit",
      `"token";r=${taken.remaining};t=${taken.resetSeconds}`
    )
    return taken.isAllowed
      ? undefined
      : reject("rate-limited", `the token's limit is ${rate} requests a second; wait ${taken.resetSeconds} s`, {
          headers: { "retry-after": String(taken.resetSeconds) },
          isDelayed: taken.isFlood
        })
  }

  /** Takes one from the bucket of a client. `rate` is a second, `burst` the size; `now` is steady milliseconds. */
  private take(id: string, rate: number, burst: number, now: number): Taken {
    let bucket = this.buckets.get(id)
    if (bucket === undefined) {
      bucket = { rate: 0, burst: 0, policy: "", tokens: burst, rejections: burst, updatedAt: now }
      this.buckets.set(id, bucket)
    }
    if (bucket.rate !== rate || bucket.burst !== burst) {
      bucket.rate = rate
      bucket.burst = burst
      bucket.policy = `"token";q=${burst};w=${Math.max(1, Math.ceil(burst / rate))}`
    }
    const { policy } = bucket
    const { sharedRates } = this.options
    const shares = sharedRates?.shares ?? 1
    const elapsed = Math.max(0, now - bucket.updatedAt) / 1000
    bucket.tokens = Math.min(Math.max(1, burst / shares), bucket.tokens + (elapsed * rate) / shares)
    bucket.rejections = Math.min(burst, bucket.rejections + elapsed * rate)
    bucket.updatedAt = now
    const own = (): boolean => {
      if (bucket.tokens < 1) return false
      bucket.tokens -= 1
      return true
    }
    const counted = sharedRates?.take({ id, rate, burst, now, own })
    const isAllowed = counted?.isAllowed ?? own()
    const isFlood = !isAllowed && bucket.rejections < 1
    if (!isAllowed && !isFlood) bucket.rejections -= 1
    if (counted !== undefined) {
      const { remaining, waitMillis } = counted
      return { policy, isAllowed, isFlood, remaining, resetSeconds: Math.max(1, Math.ceil(waitMillis / 1000)) }
    }
    const missing = Math.max(0, 1 - bucket.tokens)
    return {
      policy,
      isAllowed,
      isFlood,
      remaining: Math.floor(bucket.tokens),
      resetSeconds: missing === 0 ? Math.ceil(shares / rate) : Math.max(1, Math.ceil((missing * shares) / rate))
    }
  }
}
