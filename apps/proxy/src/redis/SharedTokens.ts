/**
 * Tokens that are kept in Redis: what of them is there, how it is changed, and how running servers know.
 */
import * as AppError from "@hb-sessions/app-kit/AppError"
import * as SteadyTime from "@hb-sessions/app-kit/SteadyTime"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redis from "effect/persistence/Redis"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { type Authenticator, authenticator, TokenList } from "../access/Token.ts"
import { TokenStore } from "../access/TokenStore.ts"
import * as Metrics from "../operations/Metrics.ts"
import type { Link } from "./RedisLink.ts"

/** What is needed to read and change them. */
export type Place = Pick<Link, "redis" | "key">

const POLL = "500 millis"
/** Changes that may come first, of others who change them at the same time. */
const ATTEMPTS = 20

const decode = Schema.decodeEffect(Schema.fromJsonString(TokenList))

const unusable = (problem: string, exitCode: number) =>
  new AppError.AppError({ message: `tokens in Redis: ${problem}`, exitCode })

const unanswered = ({ cause }: Redis.RedisError) =>
  unusable(cause instanceof Error ? cause.message : "Redis failed", AppError.exitCodes.unavailable)

const missing = unusable(
  "there are none; create one first: hb-sessions-proxy token create --name my-team --redis redis://…",
  AppError.exitCodes.auth
)

const damaged = unusable("the stored value is not a list of tokens; restore it", AppError.exitCodes.auth)

/** The tokens with the version that they have there; a version is never given twice. */
interface Stored {
  readonly version: string
  readonly list: TokenList
}

const stored = ({ key, redis }: Place): Effect.Effect<Stored | undefined, AppError.AppError> =>
  redis.send<ReadonlyArray<string | null>>("HMGET", key("tokens"), "version", "list").pipe(
    Effect.mapError((error) => (isWrongType(error) ? damaged : unanswered(error))),
    Effect.flatMap(([version, text]) =>
      version == null || text == null
        ? Effect.undefined
        : Effect.mapBoth(decode(text), { onFailure: () => damaged, onSuccess: (list) => ({ version, list }) })
    )
  )

const isWrongType = ({ cause }: Redis.RedisError): boolean =>
  cause instanceof Error && cause.message.startsWith("WRONGTYPE")

/** The tokens; fails where there never were any. */
export const read = (place: Place): Effect.Effect<TokenList, AppError.AppError> =>
  Effect.flatMap(stored(place), (found) => (found === undefined ? Effect.fail(missing) : Effect.succeed(found.list)))

/** Puts a list in place of one of a version, if that is still there, and tells those who listen. */
const replace = Redis.script((key: string, before: string, list: string) => [key, before, list], {
  numberOfKeys: 1,
  lua: `
local time = redis.call("TIME")
local before = redis.call("HGET", KEYS[1], "version") or "0"
if before ~= ARGV[1] then return 0 end
local version = string.format("%.0f", math.max(before + 1, time[1] * 1000000 + time[2]))
redis.call("HSET", KEYS[1], "version", version, "list", ARGV[2])
redis.call("PUBLISH", KEYS[1], version)
return 1
`
}).withReturnType<number>()

/** Changes the tokens; two that change them at the same time do so one after the other. */
export const update = <A, E>(
  place: Place,
  change: (list: TokenList) => Effect.Effect<readonly [result: A, list: TokenList], E>,
  attempt = 1
): Effect.Effect<A, E | AppError.AppError> =>
  Effect.gen(function* () {
    const found = yield* stored(place)
    const [result, list] = yield* change(found?.list ?? { version: 1, tokens: [] })
    const text = JSON.stringify(list)
    // What could not be read again is not written.
    yield* Effect.mapError(decode(text), () => unusable("nothing was written", AppError.exitCodes.usage))
    const isReplaced = yield* place.redis
      .eval(replace)(place.key("tokens"), found?.version ?? "0", text)
      .pipe(Effect.mapError(unanswered))
    if (isReplaced === 1) return result
    return attempt < ATTEMPTS
      ? yield* update(place, change, attempt + 1)
      : yield* unusable("other commands keep changing them; run the command again", AppError.exitCodes.unavailable)
  })

/**
 * The tokens in Redis, for a server.
 *
 * **Details**
 *
 * A change is told at once, and is looked for every half a second beside that. While Redis is away, or has no tokens any
 * more, those that were read before stay in force for `staleAfter`. A server that starts without Redis has none until
 * it is there; it fails if Redis is there and has none.
 */
export const layer = (link: Link, staleAfter: Duration.Duration): Layer.Layer<TokenStore, AppError.AppError> =>
  Layer.effect(
    TokenStore,
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      const now = () => SteadyTime.nowUnsafe(clock)
      const limit = Duration.toMillis(staleAfter)
      let tokens: Authenticator | undefined
      let version = ""
      let knownAt = -Infinity
      let problem: string | undefined
      let isStaleTold = false

      const take = ({ list, version: found }: Stored) => {
        tokens = authenticator(list)
        version = found
      }

      const failed = Effect.fnUntraced(function* (error: AppError.AppError) {
        Metrics.count(Metrics.tokensReloadFailures)
        const isStale = now() - knownAt > limit
        const isNew = problem !== error.message || (isStale && !isStaleTold)
        problem = error.message
        isStaleTold = isStale
        if (!isNew) return
        yield* Effect.logError(
          isStale
            ? `${error.message}; no token is valid until they can be read`
            : `${error.message}; the tokens read before stay in force for ${Duration.format(staleAfter)} at most`
        )
      })

      const look = Effect.gen(function* () {
        const at = now()
        const seen = yield* link.redis
          .send<string | null>("HGET", link.key("tokens"), "version")
          .pipe(Effect.mapError((error) => (isWrongType(error) ? damaged : unanswered(error))))
        if (seen !== version || tokens === undefined) {
          const found = yield* stored(link)
          if (found === undefined) return yield* missing
          const isFirst = tokens === undefined
          take(found)
          yield* Effect.logInfo(isFirst ? "tokens loaded" : "tokens reloaded")
        } else if (problem !== undefined) {
          yield* Effect.logInfo("tokens in Redis can be read again")
        }
        knownAt = at
        problem = undefined
        isStaleTold = false
      }).pipe(Effect.catch(failed))

      if (link.isUp()) {
        const found = yield* Effect.result(stored(link))
        if (found._tag === "Success") {
          if (found.success === undefined) return yield* missing
          take(found.success)
          knownAt = now()
        } else if (found.failure === damaged) return yield* damaged
      }
      Metrics.count(Metrics.tokensReloadFailures, 0)
      yield* look.pipe(Effect.repeat(Schedule.spaced(POLL)), Effect.delay(POLL), Effect.forkScoped)

      /** Listens for as long as the connection lasts. */
      const listen = Effect.scoped(
        Effect.flatMap(link.redis.subscribe(link.key("tokens")), (messages) =>
          Effect.forever(Effect.andThen(Queue.take(messages), look))
        )
      ).pipe(Effect.ignore)
      const listenIfUp = () => {
        if (link.isUp()) link.fork(listen)
      }
      link.onChange(listenIfUp)
      listenIfUp()
      const isUsable = () => tokens !== undefined && now() - knownAt <= limit
      return TokenStore.of({
        authenticate: (credential, time) => tokens?.authenticate(credential, time),
        standingOf: (client, time) => tokens?.standingOf(client, time) ?? "ended",
        records: () => tokens?.records ?? [],
        isOpen: false,
        isUsable,
        ageMillis: () => (tokens === undefined ? undefined : now() - knownAt)
      })
    })
  )
