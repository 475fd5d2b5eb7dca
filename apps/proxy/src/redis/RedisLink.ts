/**
 * What replicas share through Redis goes this way: over a connection that is made again whenever it is lost.
 */
import * as AppError from "@hb-sessions/app-kit/AppError"
import * as SteadyTime from "@hb-sessions/app-kit/SteadyTime"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redis from "effect/persistence/Redis"
import type * as Redacted from "effect/Redacted"
import { randomBytes } from "node:crypto"
import { connect, problemOf, type RedisConnection, RedisConnectError } from "./RedisConnection.ts"
import * as RedisMetrics from "./RedisMetrics.ts"
import { shown } from "./RedisUrl.ts"

/** How Redis is reached. */
export interface RedisLinkOptions {
  /** Read again for each connection. */
  readonly url: Effect.Effect<Redacted.Redacted, AppError.AppError>
  /** What the names of all keys begin with. */
  readonly prefix: string
}

/** The way to Redis. */
export interface Link {
  /** Fails at once while Redis cannot be used. */
  readonly redis: Redis.Redis["Service"]
  /** Whether Redis can be used, as far as is known. */
  readonly isUp: () => boolean
  /** Replicas that share it, this one included, as last known; before they ever were, as many as are likely. */
  readonly replicas: () => number
  /** The name of a key: of what kind, and of what. All begin with the version of what is stored. */
  readonly key: (kind: string, ...names: ReadonlyArray<string>) => string
  /** Tells this replica from others. */
  readonly id: string
  /** Runs what is not waited for, until the link is closed. */
  readonly fork: (effect: Effect.Effect<void>) => void
  /** Calls back when Redis is lost or found, until the returned function is called. */
  readonly onChange: (listener: () => void) => () => void
}

/** Changes with what is stored, so that two versions of the proxy can run side by side. */
const VERSION = "v1"

/** Makes the names of keys. */
export const keysOf =
  (prefix: string) =>
  (kind: string, ...names: ReadonlyArray<string>): string =>
    [prefix + VERSION, kind, ...names].join(":")

/** How long a command may take, in milliseconds. */
const COMMAND_MILLIS = 1000
const BEAT_MILLIS = 500
/** A replica that has not been heard of for so long is gone. */
const GONE_MILLIS = 5000
/** Milliseconds between attempts to find Redis again: doubled up to the last. */
const FIRST_DELAY = 100
const LAST_DELAY = 1000
/** For a Redis that is lost again soon after it was found, as one with a full memory. */
const LAST_FLAPPING_DELAY = 30_000
const SOON_MILLIS = 10_000

/** Replicas that there may be, before Redis ever told. */
const UNKNOWN_REPLICAS = 4

/** Notes that a replica lives, and counts those that do. It writes: a Redis that takes no writes is of no use. */
const beat = Redis.script((key: string, id: string, goneMillis: number) => [key, id, goneMillis], {
  numberOfKeys: 1,
  lua: `
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call("ZADD", KEYS[1], now, ARGV[1])
redis.call("ZREMRANGEBYSCORE", KEYS[1], "-inf", now - ARGV[2])
redis.call("PEXPIRE", KEYS[1], ARGV[2])
return redis.call("ZCARD", KEYS[1])
`
}).withReturnType<number>()

const unusable = new Redis.RedisError({ cause: new Error("Redis cannot be used now") })

/** Answers that no other command would get: the connection is of no use until that has changed. */
const LASTING =
  /^(?:OOM|READONLY|MISCONF|LOADING|MASTERDOWN|NOAUTH|WRONGPASS|NOPERM|BUSY|CLUSTERDOWN|MOVED|MAXCLIENTS)\b/

/** The link of a proxy, where there is one. */
export const CurrentLink = Context.Reference<Link | undefined>("@hb-sessions/proxy/RedisLink", {
  defaultValue: () => undefined
})

/**
 * Makes a link; closing the scope ends it.
 *
 * **Details**
 *
 * A URL, a user or a password that is wrong fails at once; a Redis that cannot be reached does not, and is told of in the
 * log. From then on Redis is looked for again and again, whatever happens to it. A command that is not answered within
 * a second, or that would fail for every key, loses it.
 */
export const make = Effect.fnUntraced(function* (options: RedisLinkOptions) {
  const scope = yield* Effect.scope
  const run = Effect.runForkWith(yield* Effect.context<never>())
  const id = randomBytes(8).toString("hex")
  const name = `Redis at ${shown(yield* options.url)}`
  const listeners = new Set<() => void>()
  const key = keysOf(options.prefix)
  let current: Current | undefined
  let replicas = UNKNOWN_REPLICAS

  const become = (next: Current | undefined) => {
    current = next
    RedisMetrics.isUp(next !== undefined)
    for (const listener of listeners) listener()
  }

  const lose = (lost: Current, error: RedisConnectError) => {
    if (lost.isLost) return
    lost.isLost = true
    lost.connection.close()
    if (current === lost) become(undefined)
    Deferred.doneUnsafe(lost.lost, Effect.fail(error))
  }

  const sendOn = <A>(at: Current, command: string, args: ReadonlyArray<string>): Effect.Effect<A, Redis.RedisError> =>
    Effect.tryPromise({
      try: () => at.connection.send<A>(command, args),
      catch: (cause) => new Redis.RedisError({ cause })
    }).pipe(
      Effect.raceFirst(silence),
      Effect.tapError(({ cause }) =>
        Effect.sync(() => {
          const message = cause instanceof Error ? cause.message : ""
          if (message.startsWith("NOSCRIPT")) return
          RedisMetrics.failed()
          if (message === SILENT || LASTING.test(message)) lose(at, problemOf(cause))
        })
      )
    )

  const redis = yield* Redis.make({
    send: (command, ...args) =>
      Effect.suspend(() => (current === undefined ? Effect.fail(unusable) : sendOn(current, command, args))),
    // For as long as the connection lasts: the caller has to ask again then.
    subscribe: (channel, onMessage) =>
      Effect.suspend(() => {
        if (current === undefined) return Effect.fail(unusable)
        const { connection, lost } = current
        return Effect.as(
          Effect.tryPromise({
            try: () => connection.subscribe(channel, (message) => onMessage({ channel, message })),
            catch: (cause) => new Redis.RedisError({ cause })
          }),
          Effect.mapError(Deferred.await(lost), () => unusable)
        )
      }),
    connect: Effect.fail(unusable)
  })

  const noteBeat = (at: Current) =>
    Effect.map(sendOn<number>(at, "EVAL", [beat.lua, "1", key("replicas"), id, String(GONE_MILLIS)]), (count) => {
      replicas = Math.max(1, count)
      RedisMetrics.knowsReplicas(replicas)
    })

  /** Connects, and makes sure that Redis does what is asked of it. */
  const find = Effect.gen(function* () {
    let made: Current | undefined
    const connection = yield* connect(yield* options.url, (problem) => {
      if (made !== undefined) lose(made, problem)
    })
    const at: Current = { connection, lost: Deferred.makeUnsafe(), isLost: false }
    made = at
    yield* noteBeat(at).pipe(
      Effect.mapError(({ cause }) => problemOf(cause)),
      Effect.onError(() => Effect.sync(() => lose(at, GONE)))
    )
    if (!at.isLost) become(at)
    return at
  })

  /** Beats until the connection is lost; why it was. */
  const use = (at: Current): Effect.Effect<RedisConnectError> =>
    Effect.flip(
      Effect.raceFirst(
        Deferred.await(at.lost),
        Effect.ignore(noteBeat(at)).pipe(Effect.delay(BEAT_MILLIS), Effect.forever)
      )
    )

  const found = Effect.result(find)

  /** Looks for Redis until it is there; tells once of what will not be so by waiting. */
  const search = Effect.fnUntraced(function* (first: number) {
    let isTold = false
    for (let delay = first; ; delay = Math.max(delay, Math.min(LAST_DELAY, delay * 2))) {
      yield* Effect.sleep(delay)
      const result = yield* found
      if (result._tag === "Success") return result.success
      if (isTold || (result.failure._tag === "RedisConnectError" && result.failure.kind === "absent")) continue
      isTold = true
      const { failure } = result
      yield* Effect.logError(failure._tag === "AppError" ? failure.message : `${name}: ${failure.problem}`)
    }
  })

  const keep = Effect.fnUntraced(function* (first: Current | undefined) {
    let at = first
    let delay = FIRST_DELAY
    for (;;) {
      if (at !== undefined) {
        const since = yield* SteadyTime.now
        const { problem } = yield* use(at)
        delay = (yield* SteadyTime.now) - since < SOON_MILLIS ? Math.min(LAST_FLAPPING_DELAY, delay * 4) : FIRST_DELAY
        yield* Effect.logWarning(`${name}: ${problem}; ${ALONE}`)
      }
      at = yield* search(delay)
      yield* Effect.logInfo(`${name} can be used again`)
    }
  })

  RedisMetrics.failed(0)
  RedisMetrics.isUp(false)
  const first = yield* found
  if (first._tag === "Failure") {
    const error = first.failure
    if (error._tag === "AppError") return yield* error
    if (error.kind !== "absent") {
      const exitCode = AppError.exitCodes[error.kind]
      return yield* new AppError.AppError({ message: `${name}: ${error.problem}`, exitCode })
    }
    yield* Effect.logWarning(`${name}: ${error.problem}; ${ALONE}`)
  }
  // Those who stay need not wait until this one is missed.
  yield* Effect.addFinalizer(() =>
    Effect.suspend(() => {
      const at = current
      if (at === undefined) return Effect.void
      return Effect.ignore(sendOn(at, "ZREM", [key("replicas"), id])).pipe(
        Effect.ensuring(Effect.sync(() => lose(at, GONE)))
      )
    })
  )
  yield* Effect.forkScoped(keep(first._tag === "Success" ? first.success : undefined))
  return {
    redis,
    id,
    key,
    isUp: () => current !== undefined,
    replicas: () => replicas,
    fork: (effect) => void Fiber.runIn(run(effect), scope),
    onChange: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    }
  } satisfies Link
})

interface Current {
  readonly connection: RedisConnection
  readonly lost: Deferred.Deferred<never, RedisConnectError>
  isLost: boolean
}

const SILENT = `it did not answer within ${COMMAND_MILLIS / 1000} s`
const ALONE = "this replica works without it, within its share of every limit, until Redis can be used again"
const GONE = new RedisConnectError({ kind: "absent", problem: "the connection was closed" })

/** Fails when a command had its time; if this process was held up, what has come meanwhile counts first. */
const silence = Effect.andThen(
  Effect.sleep(COMMAND_MILLIS),
  Effect.callback<never, Redis.RedisError>((resume) => {
    const fail = () => resume(Effect.fail(new Redis.RedisError({ cause: new Error(SILENT) })))
    setImmediate(() => setImmediate(fail))
  })
)

/** The link of a proxy. */
export const layer = (options: RedisLinkOptions) => Layer.effect(CurrentLink, make(options))
