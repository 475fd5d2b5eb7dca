/**
 * The accounts of `--accounts`, each with the settings that are its own.
 */
import * as Accounts from "@hb-sessions/app-kit/Accounts"
import { findOverlap } from "@hb-sessions/app-kit/findOverlap"
import { type Given, kebab, read } from "@hb-sessions/app-kit/Setting"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { layerSettings, usage } from "./configs.ts"
import { accountSettings, fileSettings, parallelSettings, settings } from "./runSettings.ts"

/** What stands for the name of the account in a setting. */
const PLACEHOLDER = "{account}"

/** The settings that have to be different for each account, and may hold its name. */
const perAccount = ["out", "metricsFile", "heartbeatUrl"] as const

/** The settings that may hold the name of the account, wherever they come from. */
const templates = [...perAccount, "name", "notifyUrl", "workDir"] as const

/** How the accounts are run. */
export interface Selected {
  readonly accounts: ReadonlyArray<SelectedAccount>
  /** Accounts that are exported at the same time. */
  readonly parallel: number
  /** The flags, as they are for all accounts. */
  readonly given: Given
}

/** An account, and the flags as they are for it. */
export interface SelectedAccount {
  readonly account: Accounts.Account
  readonly given: Given
}

/** The accounts to run; none without `--accounts`. Fails if two of them would write to the same place. */
export const selected = Effect.fn("accounts.selected")(
  function* (given: Given) {
    const { accounts: file, only, parallel } = yield* read({ ...accountSettings, ...parallelSettings }, given)
    if (file === undefined) {
      if (only !== undefined) return yield* usage("--only needs --accounts; leave it out, or give --accounts")
      return Option.none<Selected>()
    }
    const all = yield* Accounts.read({ file, settings: fileSettings })
    const chosen = yield* Accounts.select(all, only)
    const accounts = yield* Effect.forEach(chosen, (account) => resolve(account, given))
    yield* checkApart(accounts)
    return Option.some<Selected>({ accounts, parallel, given })
  },
  (self, given) => Effect.provide(self, layerSettings(given))
)

/** Puts the name of the account in the place of `{account}`, also in flags and in the environment. */
const resolve = Effect.fnUntraced(function* (account: Accounts.Account, given: Given) {
  const found: Record<string, Option.Option<string> | undefined> = { ...given }
  for (const name of templates) {
    const text = yield* valueOf(account, given, name)
    if (text?.includes(PLACEHOLDER) === true) {
      found[name] = Option.some(text.replaceAll(PLACEHOLDER, account.name))
    }
  }
  const name = yield* valueOf(account, given, "name")
  found["name"] ??= Option.none()
  if (name === undefined) found["name"] = Option.some(account.name)
  const selectedAccount: SelectedAccount = { account, given: found }
  return selectedAccount
})

/** A setting of an account as text: its flag, then what the accounts file says, then the environment. */
const valueOf = Effect.fnUntraced(function* (account: Accounts.Account, given: Given, name: keyof typeof settings) {
  const flagged = given[name] ?? Option.none()
  if (Option.isSome(flagged)) return flagged.value
  const { variable } = settings[name]
  const said = account.values[variable]
  if (said !== undefined) return said
  return Option.getOrUndefined(yield* Config.option(Config.NonEmptyString(variable)))
})

/** Rejects accounts that would write to the same place, or to one inside of another's. */
const checkApart = Effect.fnUntraced(function* (accounts: ReadonlyArray<SelectedAccount>) {
  for (const setting of perAccount) {
    const places = yield* Effect.forEach(accounts, ({ account, given }) =>
      Effect.map(valueOf(account, given, setting), (place) =>
        place === undefined ? [] : [{ owner: account.name, place }]
      )
    )
    const missing = accounts[places.findIndex((found) => found.length === 0)]
    if (setting === "out" && missing !== undefined) {
      return yield* usage(
        `the account ${missing.account.name} has no destination; set out in the accounts file, or give --out with ${PLACEHOLDER} in it`
      )
    }
    const overlap = findOverlap(places.flat())
    if (overlap !== undefined && (setting === "out" || overlap.isSame)) {
      return yield* usage(
        `--${kebab(setting)} of the account ${overlap.inner.owner} is ${overlap.isSame ? "the same as" : "inside of"} that of ${overlap.outer.owner}; put ${PLACEHOLDER} in it, or give each account its own in the accounts file`
      )
    }
  }
})

/** Provides what the accounts file says of an account, and names the account in the log. */
export const within =
  ({ name, values }: Accounts.Account) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    self.pipe(
      // Above the environment, which must not lead the sessions of one account elsewhere, and below the flags.
      Effect.provide(ConfigProvider.layerAdd(ConfigProvider.fromUnknown(values), { asPrimary: true })),
      Effect.annotateLogs("account", name)
    )
