/**
 * How many requests a token may send to all replicas together.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Redis from "effect/persistence/Redis"
import * as SteadyTime from "@hb-sessions/app-kit/SteadyTime"
import type { Link } from "./RedisLink.ts"

/** How long what was leased can be used, in milliseconds. */
const LEASE_MILLIS = 1000
/** One replica leases a fourth of its share of what may be sent at once, at most. */
const PARTS = 4

/**
 * Leases requests of a bucket, and takes those from it that were let through before it could be asked: it may come to
 * hold less than nothing. Gives how many were leased, how many are left, and the milliseconds until there is one.
 */
const lease = Redis.script(
  (key: string, rate: number, burst: number, want: number, debt: number) => [key, rate, burst, want, debt],
  {
    numberOfKeys: 1,
    lua: `
local time = redis.call("TIME")
local now = time[1] * 1000 + time[2] / 1000
local rate, burst, want, debt = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local fields = redis.call("HMGET", KEYS[1], "left", "at")
local elapsed = math.max(0, now - (tonumber(fields[2]) or now)) / 1000
local left = math.min(burst, (tonumber(fields[1]) or burst) + elapsed * rate) - debt
local given = math.max(0, math.min(want, math.floor(left)))
left = left - given
redis.call("HSET", KEYS[1], "left", string.format("%.6f", left), "at", string.format("%.3f", now))
redis.call("PEXPIRE", KEYS[1], math.ceil((burst - left) / rate * 1000) + 1000)
return { given, string.format("%.3f", left), string.format("%.3f", math.max(0, 1 - left) / rate * 1000) }
`
  }
).withReturnType<readonly [given: number, left: string, wait: string]>()

interface Lease {
  /** Requests that may be sent until a moment in steady milliseconds. */
  tokens: number
  until: number
  /** Requests that were let through and have not been taken from the bucket. */
  debt: number
  /** Until when there are none. */
  emptyUntil: number
  /** Requests that were left for all when the bucket was last asked. */
  left: number
  /** How many to ask for: more each time that all were used, one again when some were not. */
  want: number
  isAsked: boolean
}

/** A request that is to be counted; `rate` is a second, `burst` the size of the bucket, `now` steady milliseconds. */
export interface Request {
  readonly id: string
  readonly rate: number
  readonly burst: number
  readonly now: number
  /** Whether this replica's own share lets it through. */
  readonly own: () => boolean
}

/** Whether a request is let through; how many may follow, and the milliseconds until there is one more. */
export interface Counted {
  readonly isAllowed: boolean
  readonly remaining: number
  readonly waitMillis: number
}

/**
 * Buckets that all replicas share.
 *
 * **Details**
 *
 * Nothing waits for Redis: requests are leased ahead, few at a time. Where none is leased yet, the share of the replica
 * counts, and what it lets through is taken from the bucket afterwards. A lease counts when it is given; what is not used
 * within a second is lost.
 */
export class SharedRates {
  private readonly leases = new Map<string, Lease>()
  private readonly link: Link
  private readonly clock: Clock.Clock

  constructor(link: Link, clock: Clock.Clock) {
    this.link = link
    this.clock = clock
  }

  /** Replicas that have a share each. */
  get shares(): number {
    return this.link.replicas()
  }

  /** Counts a request; undefined while only the share of this replica counts. */
  take(request: Request): Counted | undefined {
    if (!this.link.isUp()) return undefined
    const { id, now, own, rate } = request
    let found = this.leases.get(id)
    if (found === undefined) {
      found = { tokens: 0, until: 0, debt: 0, emptyUntil: 0, left: 0, want: 1, isAsked: false }
      this.leases.set(id, found)
    }
    if (found.until <= now && found.tokens > 0) {
      found.tokens = 0
      found.want = 1
    }
    if (found.tokens > 0) {
      found.tokens -= 1
      if (found.tokens <= found.want / 2) this.ask(request, found)
      return { isAllowed: true, remaining: found.tokens + Math.max(0, Math.floor(found.left)), waitMillis: 1000 / rate }
    }
    if (now < found.emptyUntil) return { isAllowed: false, remaining: 0, waitMillis: found.emptyUntil - now }
    const isAllowed = own()
    if (isAllowed) found.debt += 1
    this.ask(request, found)
    return { isAllowed, remaining: Math.max(0, Math.floor(found.left)), waitMillis: 1000 / rate }
  }

  private ask({ burst, id, rate }: Request, found: Lease): void {
    if (found.isAsked) return
    found.isAsked = true
    const { debt } = found
    const most = Math.max(1, Math.floor(burst / this.shares / PARTS))
    const want = Math.min(found.want, most)
    this.link.fork(
      this.link.redis
        .eval(lease)(this.link.key("rate", id), rate, burst, want, debt)
        .pipe(
          Effect.map(([given, left, wait]) => {
            const now = SteadyTime.nowUnsafe(this.clock)
            found.debt -= debt
            found.tokens += given
            found.until = now + LEASE_MILLIS
            found.left = Number(left)
            found.want = Math.min(most, found.want * 2)
            found.emptyUntil = given === 0 && found.tokens === 0 ? now + Number(wait) : 0
          }),
          // What Redis could not be told is forgiven: the replica's own share has counted it.
          Effect.catch(() => Effect.sync(() => void (found.debt = 0))),
          Effect.ensuring(Effect.sync(() => void (found.isAsked = false)))
        )
    )
  }
}
