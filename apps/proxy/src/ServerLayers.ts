/**
 * What a server is made of that its settings choose: tokens, accounts and Redis.
 */
import { ApiKey } from "@hb-sessions/app-kit/ApiKey"
import * as AppError from "@hb-sessions/app-kit/AppError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Settings } from "./settings/Settings.ts"
import { CurrentLink, type Link } from "./redis/RedisLink.ts"
import * as RedisLink from "./redis/RedisLink.ts"
import * as RedisUrl from "./redis/RedisUrl.ts"
import * as SharedTokens from "./redis/SharedTokens.ts"
import { TokenStore } from "./access/TokenStore.ts"
import type { AccountOptions } from "./upstream/UpstreamAccount.ts"
import { UpstreamAccounts } from "./upstream/UpstreamAccounts.ts"

const LOOPBACK = /^(?:127\.\d+\.\d+\.\d+|::1|localhost)$/

/** The tokens, or the explicit absence of any. */
export const layerTokens = (settings: Settings): Layer.Layer<TokenStore, AppError.AppError> =>
  Layer.unwrap(Effect.map(CurrentLink, (link) => tokensOf(settings, link)))

const tokensOf = (settings: Settings, link: Link | undefined): Layer.Layer<TokenStore, AppError.AppError> => {
  if (settings.withoutTokens) {
    return LOOPBACK.test(settings.host)
      ? TokenStore.layerOpen
      : unusable(`--without-tokens lets every caller in, so --host must be a loopback address, not ${settings.host}`)
  }
  if (settings.tokensFile !== undefined) return TokenStore.layerFile(settings.tokensFile, settings.staleTokens)
  return link === undefined
    ? unusable(
        "no tokens: run hb-sessions-proxy token create --name my-team --tokens-file tokens.json, then serve --tokens-file tokens.json; or serve --without-tokens on a loopback address"
      )
    : SharedTokens.layer(link, settings.staleTokens)
}

const unusable = (message: string) => Layer.effect(TokenStore, usageError(message))

/** A setting that cannot be used. */
export const usageError = (message: string) =>
  Effect.fail(new AppError.AppError({ message, exitCode: AppError.exitCodes.usage }))

/** The way to the Redis of the settings; none without it. */
export const layerRedis = (settings: Settings): Layer.Layer<never, AppError.AppError> => {
  const url = RedisUrl.source(settings)
  return url === undefined ? Layer.empty : RedisLink.layer({ url, prefix: settings.redisPrefix })
}

/** The accounts with all their guards, each asked with its key as it is at each request. */
export const layerAccounts = (settings: Settings, version: string) => {
  const options: AccountOptions = {
    userAgent: `hb-sessions-proxy/${version}`,
    attemptTimeout: settings.attemptTimeout,
    totalTimeout: settings.deadline,
    retries: settings.retries,
    maxRetryAfter: settings.maxRetryAfter,
    maxBodyBytes: settings.maxBodyBytes,
    decoding: settings.strictUpstream ? "strict" : "tolerant",
    concurrency: settings.upstreamConcurrency,
    perSecond: settings.upstreamRate === 0 ? undefined : settings.upstreamRate,
    breakerFailures: settings.breakerFailures,
    breakerOpen: settings.breakerOpen
  }
  if (settings.accounts === undefined)
    return UpstreamAccounts.layerSingle(options).pipe(Layer.provide(ApiKey.layerConfig))
  return settings.withoutTokens
    ? Layer.effect(
        UpstreamAccounts,
        usageError(
          "--accounts needs tokens, which tell whose sessions are meant; leave out --without-tokens, or --accounts"
        )
      )
    : UpstreamAccounts.layerFile(settings.accounts, options, Duration.sum(settings.readTimeout, Duration.minutes(1)))
}
