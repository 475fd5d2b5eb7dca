/**
 * `hb-sessions-proxy token create`
 */
import * as Accounts from "@hb-sessions/app-kit/Accounts"
import * as AppError from "@hb-sessions/app-kit/AppError"
import * as Setting from "@hb-sessions/app-kit/Setting"
import { shownPath } from "@hb-sessions/app-kit/SystemError"
import { RateText } from "@hb-sessions/core/SettingText"
import { nearest } from "@hb-sessions/core/nearest"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Config from "effect/Config"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as AuditLog from "../../access/AuditLog.ts"
import { AccountName, generate, Scope, stateOf, TokenRecord as Record } from "../../access/Token.ts"
import { settings } from "../../settings/Settings.ts"
import { auditFlags, auditLogOf, expires, told, withTokens } from "./options.ts"
import * as TokensPlace from "./TokensPlace.ts"

const name = Setting.textFlag("name", Record.fields.name).pipe(
  Flag.withDescription("Who the token is for: letters, digits, dots, dashes and underscores")
)

const account = Setting.textFlag("account", AccountName).pipe(
  Flag.withMetavar("name"),
  Flag.withDescription(
    `Account of the accounts file whose sessions the token reads; required with --accounts (default: that of a single key)`
  ),
  Flag.optional
)

const accounts = Flag.String("accounts").pipe(
  Flag.withMetavar("file"),
  Flag.withDescription(
    `File of accounts that serve is given, to check --account (default: none; env: ${settings.accounts.variable})`
  ),
  Flag.optional
)

const scope = Flag.Literals("scope", Scope.literals).pipe(
  Flag.withDescription("What the token allows (default: read)"),
  Flag.withDefault("read" as const)
)

const statuses = Flag.String("statuses").pipe(
  Flag.withMetavar("list"),
  Flag.withDescription("The only statuses that may be requested, separated by commas (default: all)"),
  Flag.optional
)

const rate = Setting.textFlag("rate", RateText).pipe(
  Flag.withMetavar("number"),
  Flag.withDescription("Requests per second; 0 for no limit (default: that of the server)"),
  Flag.optional
)

const failed = (message: string) => new AppError.AppError({ message, exitCode: AppError.exitCodes.usage })

/** Fails on an account that the accounts file does not have, and without one where there are accounts. */
const checkAccount = Effect.fnUntraced(function* (options: {
  readonly account: Option.Option<string>
  readonly accounts: Option.Option<string>
}) {
  const configured = yield* Config.option(Config.NonEmptyString(settings.accounts.variable))
  const file = Option.getOrUndefined(Option.orElse(options.accounts, () => configured))
  if (file === undefined) return
  const names = (yield* Accounts.read({ file, settings: {}, areOthersAllowed: true })).map((known) => known.name)
  const known = `the accounts of ${shownPath(file)} are ${names.slice(0, 20).join(", ")}${names.length > 20 ? " and others" : ""}`
  if (Option.isNone(options.account)) return yield* failed(`--account is missing; ${known}`)
  const wanted = options.account.value
  if (names.includes(wanted)) return
  const best = nearest(wanted, names)
  return yield* failed(
    `--account: there is no account ${wanted}${best === undefined ? `; ${known}` : `; did you mean ${best}?`}`
  )
})

export const create = Command.make(
  "create",
  { name, account, accounts, scope, expires, statuses, rate, ...auditFlags, ...TokensPlace.placeFlags },
  Effect.fn("token create")(function* (options) {
    const now = yield* Clock.currentTimeMillis
    const wanted = Option.map(options.statuses, (text) => text.split(",").map((status) => status.trim()))
    const [first, ...rest] = Option.getOrElse(wanted, (): ReadonlyArray<string> => [])
    if (Option.isSome(wanted) && wanted.value.some((status) => status === "")) {
      return yield* failed("--statuses holds an empty name; separate statuses by single commas")
    }
    yield* checkAccount(options)
    const { record, token } = generate({
      name: options.name,
      ...(Option.isNone(options.account) ? {} : { account: options.account.value }),
      scopes: [options.scope],
      createdAt: now,
      ...(first === undefined ? {} : { statuses: [first, ...rest] as const }),
      ...(Option.isNone(options.rate) ? {} : { rate: options.rate.value }),
      ...(Option.isNone(options.expires) ? {} : { expiresAt: now + Duration.toMillis(options.expires.value) })
    })
    const place = yield* TokensPlace.find(options)
    yield* AuditLog.announced({ file: yield* auditLogOf(options), isNeeded: true }, (announce) =>
      place.update((list) =>
        list.tokens.some((known) => known.name === options.name && stateOf(known, now) === "active")
          ? Effect.fail(failed(`there is a token called ${options.name} already; use token rotate, or another name`))
          : Effect.as(announce([{ action: "create", record }]), [
              undefined,
              withTokens(list, [...list.tokens, record])
            ] as const)
      )
    )
    yield* Console.log(token)
    yield* Console.error(told)
  }, Effect.scoped)
).pipe(
  Command.withDescription("Create a token and print it, once, on stdout. Only its SHA-256 is stored."),
  Command.withExamples([
    {
      command: "hb-sessions-proxy token create --name team-a --scope read --expires 90d --tokens-file tokens.json",
      description: "Create a token for 90 days, and the file if it does not exist"
    },
    {
      command: "hb-sessions-proxy token create --name ci --account team-b --tokens-file tokens.json",
      description: "Create a token for the sessions of an account of --accounts"
    }
  ])
)
