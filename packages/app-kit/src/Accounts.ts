/**
 * The accounts file: for each account where its API key is, and the settings that are its own.
 *
 * ```toml
 * [defaults] # for every account
 * out = "s3://exports/{account}"
 *
 * [accounts.team-a]
 * api_key_file = "/run/secrets/team-a"
 *
 * [accounts.team-b]
 * api_key_env = "TEAM_B_KEY"
 * base_url = "https://eu.example"
 * ```
 */
import { nearest } from "@hb-sessions/core/nearest"
import { clientSettings } from "@hb-sessions/core/SessionsConfig"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { dirname, resolve } from "node:path"
import { AppError, exitCodes } from "./AppError.ts"
import { findOverlap } from "./findOverlap.ts"
import * as KeySource from "./KeySource.ts"
import * as Setting from "./Setting.ts"
import * as SettingsFile from "./SettingsFile.ts"
import { shownPath } from "./SystemError.ts"

/** One account. */
export interface Account {
  readonly name: string
  /** Where its key comes from; it keeps what it has read for as long as it lives. */
  readonly key: KeySource.KeySource
  /** The key as it is now; fails with what to do while it could never be read. */
  readonly apiKey: Effect.Effect<Redacted.Redacted, AppError>
  /** Undefined where the file does not say. */
  readonly baseUrl: URL | undefined
  readonly out: string | undefined
  readonly cron: string | undefined
  readonly tz: string | undefined
  /**
   * All its settings, those of `[defaults]` included, by the names of their variables; never the key. They go before the
   * environment, which must not lead the key or the sessions of one account elsewhere.
   */
  readonly values: SettingsFile.Values
}

/** Where the accounts are, and what can be said of one. */
export interface AccountsOptions {
  readonly file: string
  /** The settings that an account may have beside its key and `baseUrl`; `pageSize` by the key `page_size`. */
  readonly settings: Setting.Settings
  /**
   * Whether settings of other programs are passed over, so that they can share the file; one that looks like a mistyped
   * setting is an error nevertheless. False by default.
   */
  readonly areOthersAllowed?: boolean
}

/** What the name of an account looks like. */
export const namePattern = /^[a-z0-9][a-z0-9-]{0,62}$/
/** In capitals, as a key that is written here by mistake is not to be shown. */
const VARIABLE = /^[A-Z_][A-Z0-9_]*$/
const KEY_FILE = "api_key_file"
const KEY_ENV = "api_key_env"

/** The options with the settings by their keys in the file. */
interface Reader extends Omit<AccountsOptions, "settings"> {
  readonly settings: ReadonlyMap<string, Setting.Setting<unknown>>
}

/** A value and the key at which it stands. */
interface Entry {
  readonly at: string
  readonly text: string
}

/**
 * Reads the accounts of a file, in its order.
 *
 * **Details**
 *
 * Fails with the exit code of a usage error, and names the file and the key. No key is read yet: a key that is missing
 * is a failure of its account alone. `{account}` in a value stands for the name of the account. The path of a key file
 * starts at the directory of the accounts file.
 */
export const read = Effect.fn("Accounts.read")(function* (options: AccountsOptions) {
  const { file } = options
  const root = yield* SettingsFile.parse(file)
  for (const [name, value] of Object.entries(root)) {
    if (name === "defaults" || name === "accounts") {
      if (SettingsFile.isTable(value)) continue
      return yield* SettingsFile.invalid(
        file,
        `${name}: must be a table, such as [${name}${name === "accounts" ? ".team-a" : ""}]`
      )
    }
    if (!SettingsFile.isTable(value)) {
      return yield* SettingsFile.invalid(file, `${name} is outside of a table; put it below [defaults] or an account`)
    }
    return yield* SettingsFile.unknownSetting(file, `[${name}]`, name, ["accounts", "defaults"])
  }
  const tables = SettingsFile.isTable(root["accounts"]) ? Object.entries(root["accounts"]) : []
  if (tables.length === 0) {
    return yield* SettingsFile.invalid(
      file,
      `it has no accounts; add one, such as [accounts.team-a] with ${KEY_FILE} below it`
    )
  }
  const settings = Setting.byFileKey({ baseUrl: clientSettings.baseUrl, ...options.settings })
  const reader = { ...options, settings }
  const defaults = yield* entriesOf(reader, "defaults", SettingsFile.isTable(root["defaults"]) ? root["defaults"] : {})
  const accounts: Array<Account> = []
  for (const [name, table] of tables) {
    const at = namePattern.test(name) ? `accounts.${name}` : `accounts.${JSON.stringify(name)}`
    if (!namePattern.test(name)) {
      return yield* SettingsFile.invalid(
        file,
        `${at}: a name has 1 to 63 characters from a-z, 0-9 and -, and does not begin with -`
      )
    }
    if (!SettingsFile.isTable(table))
      return yield* SettingsFile.invalid(file, `${at}: must be a table, such as [${at}]`)
    accounts.push(yield* accountOf(reader, { name, at, own: yield* entriesOf(reader, at, table), defaults }))
  }
  yield* checkPlaces(file, accounts)
  return accounts
})

type Entries = ReadonlyMap<string, Entry>

/** The entries of a table, each a known one, and at most one of those that say where the key is. */
const entriesOf = Effect.fnUntraced(function* (options: Reader, path: string, table: SettingsFile.Table) {
  const { areOthersAllowed = false, file, settings } = options
  const names = [KEY_FILE, KEY_ENV, ...settings.keys()]
  const found = new Map<string, Entry>()
  for (const [name, value] of Object.entries(table)) {
    const at = `${path}.${name}`
    if (/^(?:hyperbrowser_?)?api[_-]?key$/i.test(name)) {
      return yield* SettingsFile.invalid(
        file,
        `${at}: this file must not contain a key; put the key into a file of its own, and name that in ${KEY_FILE}, or into a variable, and name that in ${KEY_ENV}`
      )
    }
    if (!names.includes(name)) {
      if (areOthersAllowed && nearest(name, names) === undefined) continue
      return yield* SettingsFile.unknownSetting(file, at, name, names)
    }
    const text = yield* SettingsFile.textOf(file, at, value, settings.get(name)?.separator)
    if (text === "") return yield* SettingsFile.invalid(file, `${at}: is empty; give it a value or leave it out`)
    found.set(name, { at, text })
  }
  if (found.has(KEY_FILE) && found.has(KEY_ENV)) {
    return yield* SettingsFile.invalid(file, `${path}: both ${KEY_FILE} and ${KEY_ENV} are given; leave one out`)
  }
  return found
})

const accountOf = Effect.fnUntraced(function* (
  options: Reader,
  {
    at,
    defaults,
    name,
    own
  }: { readonly name: string; readonly at: string; readonly own: Entries; readonly defaults: Entries }
) {
  const { file, settings } = options
  const entries = [...defaults, ...own].filter(([key]) => key !== KEY_FILE && key !== KEY_ENV)
  const values: Record<string, string> = {}
  for (const [key, entry] of new Map(entries)) {
    const setting = settings.get(key)
    if (setting === undefined) continue
    const text = entry.text.replaceAll("{account}", name)
    yield* Effect.mapError(SettingsFile.check(setting, text), (problem) =>
      SettingsFile.invalid(file, `${entry.at}: ${problem}${entry.at.startsWith(at) ? "" : `, for the account ${name}`}`)
    )
    values[setting.variable] = text
  }
  const key = yield* keyOf(options, name, at, own.has(KEY_FILE) || own.has(KEY_ENV) ? own : defaults)
  const valueOf = (setting: string) => values[settings.get(setting)?.variable ?? ""]
  const url = values[clientSettings.baseUrl.variable]
  const account: Account = {
    name,
    key,
    apiKey: key.read,
    baseUrl:
      url === undefined ? undefined : yield* Effect.orDie(Schema.decodeEffect(clientSettings.baseUrl.schema)(url)),
    out: valueOf("out"),
    cron: valueOf("cron"),
    tz: valueOf("tz"),
    values
  }
  return account
})

const keyOf = Effect.fnUntraced(function* (
  { file }: Reader,
  name: string,
  at: string,
  entries: Entries
): Effect.fn.Return<KeySource.KeySource, AppError | Config.ConfigError> {
  const entry = entries.get(KEY_FILE) ?? entries.get(KEY_ENV)
  if (entry === undefined) {
    return yield* SettingsFile.invalid(file, `${at}: it is not said where the key is; give ${KEY_FILE} or ${KEY_ENV}`)
  }
  const text = entry.text.replaceAll("{account}", name)
  const place = `${shownPath(file)}: ${entry.at}`
  if (entries.has(KEY_FILE)) return KeySource.fromFile(place, resolve(dirname(file), text))
  if (!VARIABLE.test(text)) {
    return yield* SettingsFile.invalid(
      file,
      `${entry.at}: must be the name of a variable in capital letters, such as TEAM_A_KEY`
    )
  }
  const found = Option.map(yield* Config.option(Config.Redacted(text)), (key) => Redacted.value(key).trim())
  return Option.match(
    Option.filter(found, (key) => key !== ""),
    {
      onNone: () =>
        KeySource.failing(
          place,
          new AppError({
            message: `${place}: the variable ${text} is not set; set it to a key from the Hyperbrowser dashboard`,
            exitCode: exitCodes.auth
          })
        ),
      onSome: (key) => KeySource.fixed(text, Redacted.make(key, { label: "api-key" }))
    }
  )
})

const checkPlaces = (file: string, accounts: ReadonlyArray<Account>): Effect.Effect<void, AppError> => {
  const found = findOverlap(
    accounts.flatMap(({ name, out }) => (out === undefined ? [] : [{ owner: `accounts.${name}`, place: out }]))
  )
  if (found === undefined) return Effect.void
  const { inner, isSame, outer } = found
  const where = isSame ? "the same as" : "inside of"
  return Effect.fail(
    SettingsFile.invalid(
      file,
      `${inner.owner}: out, ${JSON.stringify(inner.place)}, is ${where} that of ${outer.owner}, ${JSON.stringify(outer.place)}; give each account a place of its own, such as one with {account} in it`
    )
  )
}

/** The accounts that `--only` names, in the order of the file; all of them where it does not say. */
export const select = (
  accounts: ReadonlyArray<Account>,
  only: string | undefined
): Effect.Effect<ReadonlyArray<Account>, AppError> =>
  Effect.map(
    selectNames(
      accounts.map(({ name }) => name),
      only
    ),
    (names) => accounts.filter(({ name }) => names.has(name))
  )

/** Those of some names that `--only` names, in their order. Fails on another one, with that which was probably meant. */
export const selectNames = Effect.fnUntraced(function* (
  names: ReadonlyArray<string>,
  only: string | undefined
): Effect.fn.Return<ReadonlySet<string>, AppError> {
  if (only === undefined) return new Set(names)
  const usage = (message: string) => new AppError({ message, exitCode: exitCodes.usage })
  const wanted = new Set(
    only
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== "")
  )
  if (wanted.size === 0) return yield* usage("--only names no account; leave it out, or name some, separated by commas")
  const known = new Set(names)
  for (const name of wanted) {
    if (known.has(name)) continue
    const best = nearest(name, names)
    const hint = best === undefined ? `; there are ${listed(names)}` : `; did you mean ${best}?`
    return yield* usage(`--only: there is no account ${JSON.stringify(name)}${hint}`)
  }
  return new Set(names.filter((name) => wanted.has(name)))
})

const MOST_LISTED = 20

const listed = (names: ReadonlyArray<string>): string =>
  names.length <= MOST_LISTED
    ? names.join(", ")
    : `${names.slice(0, MOST_LISTED).join(", ")} and ${names.length - MOST_LISTED} more`
