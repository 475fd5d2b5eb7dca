/**
 * Where the commands of `hb-sessions-proxy token` find the tokens: in a file, or in Redis.
 */
import * as AppError from "@hb-sessions/app-kit/AppError"
import * as Setting from "@hb-sessions/app-kit/Setting"
import * as Flag from "effect/cli/Flag"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Record from "effect/Record"
import type { TokenList } from "../../access/Token.ts"
import * as TokensFile from "../../access/TokensFile.ts"
import * as LastUse from "../../operations/LastUse.ts"
import { open } from "../../redis/openRedis.ts"
import * as RedisUrl from "../../redis/RedisUrl.ts"
import * as SharedLastUses from "../../redis/SharedLastUses.ts"
import * as SharedTokens from "../../redis/SharedTokens.ts"
import { settings } from "../../settings/Settings.ts"

/** A place where tokens are. */
export interface TokensPlace {
  readonly read: Effect.Effect<TokenList, AppError.AppError>
  /** When each was last used, by its id; nothing where that is not known. */
  readonly lastUses: Effect.Effect<ReadonlyMap<string, number>>
  /** Changes the tokens; fails with what the change fails with, and then leaves them as they are. */
  readonly update: <A, E>(
    change: (list: TokenList) => Effect.Effect<readonly [result: A, list: TokenList], E>
  ) => Effect.Effect<A, E | AppError.AppError>
}

const { redis, redisFile, redisPrefix } = settings
const redisSettings = { redis, redisFile, redisPrefix }

/** The flags that say where they are. */
export const placeFlags = {
  tokensFile: Flag.String("tokens-file").pipe(
    Flag.withMetavar("file"),
    Flag.withDescription(
      `File with the hashes of the tokens (required without Redis; env: ${settings.tokensFile.variable})`
    ),
    Flag.optional
  ),
  ...Record.map(
    {
      redis: { ...redis, meaning: "Redis that holds the hashes of the tokens, in place of --tokens-file" },
      redisFile,
      redisPrefix
    },
    (setting, name) => Setting.flagOf(name, setting)
  )
}

/** What the flags say. */
export interface PlaceOptions {
  readonly tokensFile: Option.Option<string>
  readonly redis: Option.Option<string>
  readonly redisFile: Option.Option<string>
  readonly redisPrefix: Option.Option<string>
}

const inFile = (file: string): TokensPlace => ({
  read: TokensFile.read(file),
  lastUses: LastUse.read(file),
  update: (change) => TokensFile.update(file, change)
})

/** The place that flags name, else that of the environment; the file where both do, as for `serve`. */
export const find = Effect.fnUntraced(function* (options: PlaceOptions) {
  const { tokensFile: file, ...given } = options
  if (Option.isSome(file)) {
    if (Option.isSome(given.redis) || Option.isSome(given.redisFile)) {
      return yield* new AppError.AppError({
        message: "--tokens-file and --redis name two places; leave one of them out",
        exitCode: AppError.exitCodes.usage
      })
    }
    return inFile(file.value)
  }
  // Not read with the others: what is wrong with the variable must be told.
  const named = yield* Config.option(Config.String(settings.tokensFile.variable))
  if (Option.isSome(named) && Option.isNone(given.redis) && Option.isNone(given.redisFile)) return inFile(named.value)
  const values = yield* Setting.read(redisSettings, given)
  const url = RedisUrl.source(
    Option.isSome(given.redis)
      ? { ...values, redisFile: undefined }
      : Option.isSome(given.redisFile)
        ? { ...values, redis: undefined }
        : values
  )
  if (url === undefined) {
    return yield* new AppError.AppError({
      message: "--tokens-file is missing; name the file with the tokens, or with --redis their Redis",
      exitCode: AppError.exitCodes.usage
    })
  }
  const place = yield* open({ url, prefix: values.redisPrefix })
  return {
    read: SharedTokens.read(place),
    lastUses: SharedLastUses.read(place),
    update: (change) => SharedTokens.update(place, change)
  } satisfies TokensPlace
})
