/**
 * Wrong tokens by address, as all replicas together have seen them.
 */
import * as Effect from "effect/Effect"
import * as Redis from "effect/persistence/Redis"
import type { Link } from "./RedisLink.ts"

/** How long failures are gathered before Redis is told of them. */
const GATHER = "200 millis"
/** Addresses that Redis is told of at once; those beyond count here only. */
const MAX_ADDRESSES = 500

const add = Redis.script((key: string, count: number, windowMillis: number) => [key, count, windowMillis], {
  numberOfKeys: 1,
  lua: `
local count = redis.call("INCRBY", KEYS[1], ARGV[1])
if redis.call("PTTL", KEYS[1]) < 0 then redis.call("PEXPIRE", KEYS[1], ARGV[2]) end
return count
`
}).withReturnType<number>()

/** Tells of how many failures there were, once it is known. */
type OnTotal = (total: number) => void

/** Adds up failures in Redis, behind the scenes. */
export class SharedFailures {
  private readonly link: Link
  private gathered = new Map<string, { count: number; readonly onTotal: OnTotal }>()

  constructor(link: Link) {
    this.link = link
  }

  /** Adds a failure of an address; `onTotal` is told later of all in the window of now. */
  add(address: string, windowMillis: number, onTotal: OnTotal): void {
    if (!this.link.isUp()) return
    const found = this.gathered.get(address)
    if (found !== undefined) {
      found.count += 1
      return
    }
    if (this.gathered.size >= MAX_ADDRESSES) return
    this.gathered.set(address, { count: 1, onTotal })
    if (this.gathered.size > 1) return
    this.link.fork(Effect.delay(this.tell(windowMillis), GATHER))
  }

  private tell(windowMillis: number): Effect.Effect<void> {
    return Effect.suspend(() => {
      const all = [...this.gathered]
      this.gathered = new Map()
      return Effect.forEach(
        all,
        ([address, { count, onTotal }]) =>
          this.link.redis
            .eval(add)(this.link.key("failures", address), count, windowMillis)
            .pipe(Effect.map(onTotal), Effect.ignore),
        { concurrency: 16, discard: true }
      )
    })
  }
}
