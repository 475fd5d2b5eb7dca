/**
 * Pages that all replicas share: one that any of them has is fetched once.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redis from "effect/persistence/Redis"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as SteadyTime from "@hb-sessions/app-kit/SteadyTime"
import { isUtf8 } from "node:buffer"
import type { Terms } from "../cache/ByteCache.ts"
import * as CachedResponse from "../cache/CachedResponse.ts"
import type { UpstreamAccount } from "../upstream/UpstreamAccount.ts"
import type { Link } from "./RedisLink.ts"
import * as RedisMetrics from "./RedisMetrics.ts"

/** How long a fetch is left to a replica that gives no sign. */
const LOCK_MILLIS = 3000
const RENEW = "1 second"
/** Milliseconds between two looks at what another replica fetches: doubled up to the last. */
const FIRST_LOOK = 10
const LAST_LOOK = 80
/** How long another replica's fetch is waited for, in milliseconds. */
const PATIENCE = 10_000

const NOW = `
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`

/** The page if it is not too old, or the right to fetch it, or neither while another replica has that. */
const enter = Redis.script(
  (page: string, lock: string, id: string, maxAge: number) => [page, lock, id, maxAge, LOCK_MILLIS],
  {
    numberOfKeys: 2,
    lua: `${NOW}
local page = redis.call("HMGET", KEYS[1], "at", "head", "body")
if page[1] then
  local age = now - page[1]
  if age >= 0 and age <= tonumber(ARGV[2]) then return { "found", tostring(age), page[2], page[3] } end
end
if redis.call("SET", KEYS[2], ARGV[1], "NX", "PX", ARGV[3]) then return { "fetch" } end
return { "wait" }
`
  }
).withReturnType<
  readonly [tag: "found", age: string, head: string, body: string] | readonly [tag: "fetch"] | readonly [tag: "wait"]
>()

const renew = Redis.script((lock: string, id: string) => [lock, id, LOCK_MILLIS], {
  numberOfKeys: 1,
  lua: `
if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call("PEXPIRE", KEYS[1], ARGV[2])
`
}).withReturnType<number>()

const release = Redis.script((lock: string, id: string) => [lock, id], {
  numberOfKeys: 1,
  lua: `
if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call("DEL", KEYS[1])
`
}).withReturnType<number>()

/** Stores a page, and removes those that end next until all together have room. */
const store = Redis.script(
  (
    keys: readonly [page: string, lock: string, ends: string, sizes: string],
    id: string,
    head: string,
    body: string,
    bytes: number,
    limits: { readonly keepMillis: number; readonly maxBytes: number }
  ) => [...keys, id, head, body, bytes, limits.keepMillis, limits.maxBytes],
  {
    numberOfKeys: 4,
    lua: `${NOW}
local page, lock, ends, sizes = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local keep, most = tonumber(ARGV[5]), tonumber(ARGV[6])
local total = tonumber(redis.call("HGET", sizes, "total") or 0)
local function forget(name)
  total = total - tonumber(redis.call("HGET", sizes, name) or 0)
  redis.call("HDEL", sizes, name)
  redis.call("ZREM", ends, name)
end
forget(page)
for _, name in ipairs(redis.call("ZRANGEBYSCORE", ends, "-inf", now, "LIMIT", 0, 100)) do forget(name) end
while total + tonumber(ARGV[4]) > most do
  local next = redis.call("ZRANGE", ends, 0, 0)[1]
  if not next then
    total = 0
    break
  end
  forget(next)
  redis.call("DEL", next)
end
redis.call("HSET", page, "at", now, "head", ARGV[2], "body", ARGV[3])
redis.call("PEXPIRE", page, keep)
redis.call("ZADD", ends, now + keep, page)
redis.call("HSET", sizes, page, ARGV[4], "total", total + ARGV[4])
redis.call("PEXPIRE", ends, keep + 60000)
redis.call("PEXPIRE", sizes, keep + 60000)
if redis.call("GET", lock) == ARGV[1] then redis.call("DEL", lock) end
return 1
`
  }
).withReturnType<number>()

/** What is kept beside the body. */
const Head = Schema.fromJsonString(
  Schema.Struct({
    contentType: Schema.String,
    headers: Schema.Array(Schema.String),
    statuses: Schema.Array(Schema.String),
    isFixed: Schema.Boolean
  })
)
const decodeHead = Schema.decodeResult(Head)
const encodeHead = Schema.encodeSync(Head)

/** How pages are shared. */
export interface SharedPagesOptions {
  readonly link: Link
  /** How long a page is kept. */
  readonly keepMillis: number
  /** Most bytes of all pages together. */
  readonly maxBytes: number
  /** Whether pages that do not fit the contract are failures: a page of one who lets them through is another one. */
  readonly isStrict: boolean
}

/**
 * Pages in Redis.
 *
 * **Details**
 *
 * A replica that needs a page takes it from there, or becomes the one that fetches it. The others wait for it, until it
 * gives no sign for three seconds or ten have passed. Whatever Redis does, a page is fetched in the end.
 */
export class SharedPages {
  private readonly options: SharedPagesOptions
  private fetches = 0

  constructor(options: SharedPagesOptions) {
    this.options = options
  }

  /** The page of an account that `load` would fetch; `key` is the same for all requests that get the same. */
  through<E, R>(
    account: Pick<UpstreamAccount, "name" | "digest">,
    key: string,
    load: Effect.Effect<CachedResponse.CachedResponse, E, R>,
    terms: Terms
  ): Effect.Effect<CachedResponse.CachedResponse, E, R> {
    const { isStrict, keepMillis, link } = this.options
    return Effect.suspend(() => {
      if (!link.isUp() || keepMillis === 0) return load
      return Effect.matchEffect(account.digest(`${isStrict ? "strict" : "tolerant"} ${key}`), {
        // Without a key of the account there is no page either: `load` says so.
        onFailure: () => load,
        onSuccess: (digest) => this.find(link.key("page", account.name ?? "-", digest), load, terms)
      })
    })
  }

  private find<E, R>(
    page: string,
    load: Effect.Effect<CachedResponse.CachedResponse, E, R>,
    terms: Terms
  ): Effect.Effect<CachedResponse.CachedResponse, E, R> {
    const { link } = this.options
    const id = `${link.id}-${++this.fetches}`
    // Its client wants another one than there may be.
    if (terms.maxAgeMillis < 0) return this.fetch(page, id, load, terms)
    const alone = Effect.suspend(() => {
      RedisMetrics.page("alone")
      return load
    })
    const look = (until: number, delay: number): Effect.Effect<CachedResponse.CachedResponse, E, R> =>
      Effect.matchEffect(link.redis.eval(enter)(page, lockOf(page), id, terms.maxAgeMillis), {
        onFailure: () => alone,
        onSuccess: (reply) => {
          switch (reply[0]) {
            case "found": {
              const found = decode(reply[2], reply[3])
              if (found === undefined) return this.fetch(page, id, load, terms)
              terms.ageMillis = Number(reply[1])
              RedisMetrics.page("found")
              return Effect.succeed(found)
            }
            case "fetch":
              return this.fetch(page, id, load, terms)
            case "wait":
              return Effect.flatMap(SteadyTime.now, (now) =>
                now >= until ? alone : Effect.delay(look(until, Math.min(LAST_LOOK, delay * 2)), delay)
              )
          }
        }
      })
    return Effect.flatMap(SteadyTime.now, (now) => look(now + PATIENCE, FIRST_LOOK))
  }

  /** Fetches, gives signs meanwhile, and leaves what was fetched to the others, or the fetching. */
  private fetch<E, R>(
    page: string,
    id: string,
    load: Effect.Effect<CachedResponse.CachedResponse, E, R>,
    terms: Terms
  ): Effect.Effect<CachedResponse.CachedResponse, E, R> {
    const { link } = this.options
    const lock = lockOf(page)
    const signs = Effect.suspend(() => Effect.ignore(link.redis.eval(renew)(lock, id))).pipe(
      Effect.delay(RENEW),
      Effect.repeat(Schedule.forever)
    )
    RedisMetrics.page("fetched")
    return Effect.scoped(
      Effect.andThen(
        Effect.forkScoped(signs),
        Effect.onExit(load, (exit) =>
          Effect.sync(() => {
            const kept = Exit.isSuccess(exit) && terms.mayKeep() ? this.storing(page, id, exit.value) : undefined
            // Not waited for: the client need not.
            link.fork(Effect.ignore(kept ?? link.redis.eval(release)(lock, id)))
          })
        )
      )
    )
  }

  private storing(page: string, id: string, answer: CachedResponse.CachedResponse) {
    const { keepMillis, link, maxBytes } = this.options
    const { body, contentType, headers, isFixed, statuses } = answer
    // Redis gets texts, and what is read again must be the same bytes.
    if (answer.cost * 4 > maxBytes || !isUtf8(body)) return undefined
    const head = encodeHead({ contentType, headers, isFixed, statuses: [...statuses] })
    return link.redis.eval(store)(
      [page, lockOf(page), link.key("pages", "ends"), link.key("pages", "sizes")],
      id,
      head,
      body.toString(),
      answer.cost,
      { keepMillis, maxBytes }
    )
  }
}

const lockOf = (page: string): string => `${page}:lock`

const decode = (head: string, body: string): CachedResponse.CachedResponse | undefined =>
  Result.match(decodeHead(head), {
    onFailure: () => undefined,
    onSuccess: ({ statuses, ...rest }) =>
      CachedResponse.make(Buffer.from(body), { ...rest, statuses: new Set(statuses) })
  })
