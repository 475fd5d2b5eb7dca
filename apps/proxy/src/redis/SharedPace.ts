/**
 * How many requests a second the upstream gets from all replicas together.
 */
import * as Effect from "effect/Effect"
import * as Redis from "effect/persistence/Redis"
import * as SteadyTime from "@hb-sessions/app-kit/SteadyTime"
import * as Clock from "effect/Clock"
import { Pace, SAVED, type Turns } from "../upstream/Pace.ts"
import type { Link } from "./RedisLink.ts"

/** Turns that are leased at once are those of so many milliseconds, at most, and one at least. */
const BATCH_MILLIS = 50
/** How long a leased turn may be late, in milliseconds; then it is lost. */
const LATE_MILLIS = 250
/** How long a lease is waited for at once, in milliseconds: its command has ended by then. */
const PATIENCE = 1500
/** How long turns are taken alone after a lease that failed though Redis is there, in milliseconds. */
const ALONE_MILLIS = 1000
/** How long what is known of the pace is kept. */
const TTL_MILLIS = 600_000
/** Turns that a timer's lateness must not lose, in milliseconds. */
const SLACK_MILLIS = 20

const PRELUDE = `
local time = redis.call("TIME")
local now = time[1] * 1000 + time[2] / 1000
local floor = tonumber(ARGV[1])
local fields = redis.call("HMGET", KEYS[1], "next", "interval", "held")
local interval = math.max(floor, tonumber(fields[2]) or 0)
local held = math.min(tonumber(fields[3]) or 0, now + 600000)
local function keep(...)
  redis.call("HSET", KEYS[1], ...)
  redis.call("PEXPIRE", KEYS[1], ${TTL_MILLIS})
end
local function text(number) return string.format("%.3f", number) end
`

/**
 * Leases turns: the milliseconds until the first of them, the distance between them, and whether the pace is slowed down.
 *
 * A turn is a moment in time, which goes by for all if it is not used. What is kept is the moment of the next one, which
 * cannot be further ahead than the turns that were leased.
 */
const lease = Redis.script(
  (key: string, floor: number, reserve: number, count: number) => [key, floor, reserve, count],
  {
    numberOfKeys: 1,
    lua: `${PRELUDE}
local count = tonumber(ARGV[3])
local slack = math.max(interval / 2, ${SLACK_MILLIS})
local due = math.min(tonumber(fields[1]) or 0, now + 600000)
due = math.max(due, now - interval * ${SAVED - 1} - slack)
local first = math.max(now, held, due + tonumber(ARGV[2]) * interval)
keep("next", text(math.max(due, held) + count * interval))
return { text(first - now), text(interval), interval > floor and 1 or 0 }
`
  }
).withReturnType<readonly [wait: string, interval: string, isSlow: number]>()

/** Notes that the upstream asked to slow down. */
const slow = Redis.script((key: string, floor: number, longer: number, held: number) => [key, floor, longer, held], {
  numberOfKeys: 1,
  lua: `${PRELUDE}
interval = math.min(10000, math.max(25, interval * tonumber(ARGV[2])))
keep("interval", text(interval), "held", text(math.max(held, now + tonumber(ARGV[3]))))
return 1
`
}).withReturnType<number>()

/** Notes that the upstream answered. */
const recover = Redis.script((key: string, floor: number, shorter: number) => [key, floor, shorter], {
  numberOfKeys: 1,
  lua: `${PRELUDE}
interval = math.max(floor, interval * tonumber(ARGV[2]))
keep("interval", text(interval))
return 1
`
}).withReturnType<number>()

/** The pace of an account. */
export interface SharedPaceOptions {
  readonly link: Link
  /** The same for all replicas that ask for the account. */
  readonly account: string
  readonly perSecond: number
  readonly clock: Clock.Clock
  /** Called when there may be a turn earlier than was said. */
  readonly onChange: () => void
}

/**
 * A pace that all replicas share.
 *
 * **Details**
 *
 * Redis gives each turn once, by its own clock, in batches of 50 milliseconds' worth at most and never more than there
 * are requests that wait. One that is not used within a quarter of a second is lost. Without Redis the pace is this
 * replica's share: the rate divided by the replicas that were last known.
 */
export class SharedPace implements Turns {
  private readonly options: SharedPaceOptions
  private readonly floor: number
  private readonly key: string
  /** Ends it, with its account. */
  readonly close: () => void
  /** Moments, in steady milliseconds. */
  private turns: Array<number> = []
  private isAsked = false
  private isSlow = false
  private aloneUntil = -Infinity
  private distance: number
  private alone: Pace
  private share = 0

  constructor(options: SharedPaceOptions) {
    this.options = options
    this.floor = 1000 / options.perSecond
    this.distance = this.floor
    this.key = options.link.key("pace", options.account)
    this.alone = this.makeAlone()
    this.close = options.link.onChange(() => {
      this.turns = []
      // What was saved up was for when it was shared.
      if (!options.link.isUp()) this.alone = this.makeAlone()
      options.onChange()
    })
  }

  get interval(): number {
    return this.isAlone(-Infinity) ? this.alone.interval : this.distance
  }

  wait(now: number, isLight: boolean, wanted: number): number {
    if (this.isAlone(now)) {
      if (this.share !== this.options.link.replicas()) this.alone = this.makeAlone()
      return this.alone.wait(now, isLight)
    }
    while (this.turns[0] !== undefined && this.turns[0] < now - LATE_MILLIS) this.turns.shift()
    const [first] = this.turns
    if (first !== undefined) return Math.max(0, first - now)
    this.ask(isLight, wanted)
    return PATIENCE
  }

  take(now: number): void {
    if (this.isAlone(now)) this.alone.take()
    else this.turns.shift()
  }

  slowDown(now: number, waitMillis: number): void {
    this.alone.slowDown(now, waitMillis)
    this.turns = []
    this.isSlow = true
    this.send(slow, this.floor, 2, waitMillis)
  }

  recover(): void {
    this.alone.recover()
    if (this.isSlow) this.send(recover, this.floor, 0.8)
  }

  private isAlone(now: number): boolean {
    return !this.options.link.isUp() || now < this.aloneUntil
  }

  private makeAlone(): Pace {
    this.share = this.options.link.replicas()
    return new Pace(this.options.perSecond / this.share, 0)
  }

  private send<Params extends ReadonlyArray<number>>(
    script: Redis.Script<{ readonly params: readonly [string, ...Params]; readonly result: number }>,
    ...params: Params
  ): void {
    const { link } = this.options
    if (link.isUp()) link.fork(Effect.ignore(link.redis.eval(script)(this.key, ...params)))
  }

  private ask(isLight: boolean, wanted: number): void {
    if (this.isAsked) return
    this.isAsked = true
    const { clock, link, onChange } = this.options
    const most = Math.max(1, Math.floor(BATCH_MILLIS / this.distance))
    const count = Math.max(1, Math.min(most, wanted))
    link.fork(
      link.redis
        .eval(lease)(this.key, this.floor, isLight ? 0 : 1, count)
        .pipe(
          Effect.match({
            onFailure: () => {
              this.aloneUntil = SteadyTime.nowUnsafe(clock) + ALONE_MILLIS
            },
            onSuccess: ([wait, interval, isSlow]) => {
              const first = SteadyTime.nowUnsafe(clock) + Number(wait)
              this.distance = Number(interval)
              this.isSlow = isSlow === 1
              this.turns = Array.from({ length: count }, (_, index) => first + index * this.distance)
            }
          }),
          Effect.ensuring(
            Effect.sync(() => {
              this.isAsked = false
              onChange()
            })
          )
        )
    )
  }
}
