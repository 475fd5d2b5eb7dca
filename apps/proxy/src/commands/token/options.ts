/**
 * What the commands of `hb-sessions-proxy token` share.
 */
import * as AppError from "@hb-sessions/app-kit/AppError"
import * as Setting from "@hb-sessions/app-kit/Setting"
import * as Flag from "effect/cli/Flag"
import { Lifetime } from "../../settings/SettingValues.ts"
import type { TokenList, TokenRecord } from "../../access/Token.ts"

export const expires = Setting.textFlag("expires", Lifetime).pipe(
  Flag.withMetavar("duration"),
  Flag.withDescription("How long it is valid, such as 90d (default: for ever)"),
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

export const told = "This token is shown once and stored nowhere: save it now."
