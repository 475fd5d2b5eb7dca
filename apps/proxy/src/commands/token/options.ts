/**
 * What the commands of `hb-sessions-proxy token` share.
 */
import * as AppError from "@hb-sessions/app-kit/AppError"
import * as Flag from "effect/cli/Flag"
import * as Config from "effect/Config"
import { Lifetime } from "../../settings/SettingValues.ts"
import type { TokenList, TokenRecord } from "../../access/Token.ts"

const ENV = "HB_SESSIONS_PROXY_TOKENS_FILE"

export const tokensFile = Flag.String("tokens-file").pipe(
  Flag.withMetavar("file"),
  Flag.withDescription(`File with the hashes of the tokens (required; env: ${ENV})`),
  Flag.withFallbackConfig(Config.NonEmptyString(ENV))
)

export const expires = Flag.String("expires").pipe(
  Flag.withMetavar("duration"),
  Flag.withSchema(Lifetime),
  Flag.withDescription("How long it can be used, such as 90d (default: for ever)"),
  Flag.optional
)

export const which = Flag.String("name").pipe(Flag.withDescription("Name or id of the token"))

export const isCalled = (record: TokenRecord, text: string) => record.name === text || record.id === text

export const notFound = (wanted: string) =>
  new AppError.AppError({
    message: `no active token is called ${wanted}; hb-sessions-proxy token list shows them`,
    exitCode: AppError.exitCodes.notFound
  })

export const withTokens = (list: TokenList, tokens: ReadonlyArray<TokenRecord>): TokenList => ({ ...list, tokens })

export const told = "This token is shown once and kept nowhere: pass it on now."
