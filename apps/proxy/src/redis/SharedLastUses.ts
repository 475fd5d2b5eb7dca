/**
 * When each token of those in Redis was used last, by whichever replica.
 */
import { AppError, exitCodes } from "@hb-sessions/app-kit/AppError"
import * as Effect from "effect/Effect"
import * as Redis from "effect/persistence/Redis"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { Millis } from "../access/Token.ts"
import { problemOf } from "./RedisConnection.ts"
import type { Link } from "./RedisLink.ts"
import * as SharedTokens from "./SharedTokens.ts"

const KIND = "last-used"

/** Tokens that Redis is told of at once: it does nothing else meanwhile. */
const BATCH = 500

const decodeMillis = Schema.decodeUnknownResult(Millis)

/**
 * Notes times that are later than those that are known. One that is still to come is that of a clock that was wrong: any
 * other takes its place.
 */
const note = Redis.script((key: string, idsAndTimes: ReadonlyArray<string | number>) => [key, ...idsAndTimes], {
  numberOfKeys: 1,
  lua: `
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 1, #ARGV, 2 do
  local known = tonumber(redis.call("HGET", KEYS[1], ARGV[i]) or 0) or 0
  if known > now then known = 0 end
  if math.min(tonumber(ARGV[i + 1]), now) > known then
    redis.call("HSET", KEYS[1], ARGV[i], string.format("%.0f", math.min(tonumber(ARGV[i + 1]), now)))
  end
end
return 1
`
}).withReturnType<number>()

/** Ids and times in turns: a script answers so in all versions of the protocol. */
const known = Redis.script((key: string) => [key], {
  numberOfKeys: 1,
  lua: `return redis.call("HGETALL", KEYS[1])`
}).withReturnType<ReadonlyArray<string>>()

/** What is known; nothing where Redis does not tell. */
export const read = ({ key, redis }: SharedTokens.Place): Effect.Effect<ReadonlyMap<string, number>> =>
  redis
    .eval(known)(key(KIND))
    .pipe(
      Effect.map((fields) => {
        const uses = new Map<string, number>()
        for (let at = 0; at + 1 < fields.length; at += 2) {
          const millis = decodeMillis(Number(fields[at + 1]))
          if (Result.isSuccess(millis)) uses.set(fields[at] ?? "", millis.success)
        }
        return uses
      }),
      Effect.orElseSucceed(() => new Map<string, number>())
    )

/** Adds what is newer than what is known, and removes tokens that there are no more. */
export const add = (link: Link, uses: ReadonlyMap<string, number>): Effect.Effect<void, AppError> =>
  Effect.gen(function* () {
    const entries = [...uses]
    for (let at = 0; at < entries.length; at += BATCH) {
      yield* link.redis.eval(note)(link.key(KIND), entries.slice(at, at + BATCH).flat())
    }
    // What is known is asked for before the tokens: of one that was made in between nothing is removed.
    const before = yield* link.redis.send<ReadonlyArray<string>>("HKEYS", link.key(KIND))
    const { tokens } = yield* SharedTokens.read(link)
    const ids = new Set(tokens.map(({ id }) => id))
    const gone = before.filter((id) => !ids.has(id))
    for (let at = 0; at < gone.length; at += BATCH) {
      yield* link.redis.send("HDEL", link.key(KIND), ...gone.slice(at, at + BATCH))
    }
  }).pipe(
    Effect.mapError((error) =>
      error._tag === "AppError"
        ? error
        : new AppError({
            message: `last uses of tokens in Redis: ${problemOf(error.cause).problem}`,
            exitCode: exitCodes.unavailable
          })
    )
  )
