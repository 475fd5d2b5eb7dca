/**
 * What the commands of `hb-sessions-proxy token` share.
 */
import * as AppError from "@hb-sessions/app-kit/AppError"
import * as Setting from "@hb-sessions/app-kit/Setting"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import { settings } from "../../settings/Settings.ts"
import { Lifetime } from "../../settings/SettingValues.ts"
import type { TokenList, TokenRecord } from "../../access/Token.ts"

export const expires = Setting.textFlag("expires", Lifetime).pipe(
  Flag.withMetavar("duration"),
  Flag.withDescription("How long it is valid, such as 90d (default: for ever)"),
  Flag.optional
)

/** The flag of the audit log. */
export const auditFlags = { auditLog: Setting.flagOf("auditLog", settings.auditLog) }

/** Where the audit log is; undefined for stderr. */
export const auditLogOf = (given: { readonly auditLog: Option.Option<string> }) =>
  Effect.map(Setting.read({ auditLog: settings.auditLog }, { auditLog: given.auditLog }), ({ auditLog }) => auditLog)

export const which = Flag.String("name").pipe(Flag.withDescription("Name or id of the token"))

export const isCalled = (record: TokenRecord, text: string) => record.name === text || record.id === text

export const notFound = (wanted: string) =>
  new AppError.AppError({
    message: `no active token is called ${wanted}; hb-sessions-proxy token list shows them`,
    exitCode: AppError.exitCodes.notFound
  })

export const withTokens = (list: TokenList, tokens: ReadonlyArray<TokenRecord>): TokenList => ({ ...list, tokens })

export const told = "This token is shown once and stored nowhere: save it now."
