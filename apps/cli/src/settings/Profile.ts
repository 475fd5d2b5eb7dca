/**
 * Which profile is used, and what it says: `config.toml` and `credentials.toml` in the user's configuration directory.
 *
 * ```toml
 * # config.toml
 * profile = "work" # when neither --profile nor HB_SESSIONS_PROFILE is given
 *
 * [profiles.work]
 * base_url = "https://eu.example"
 * concurrency = 4
 * ```
 *
 * Keys are apart from the settings, in a file that only its owner can read.
 */
import { AppError, exitCodes } from "@hb-sessions/app-kit/AppError"
import * as SettingsFile from "@hb-sessions/app-kit/SettingsFile"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as UserDirectories from "effect/persistence/UserDirectories"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import { platform } from "node:process"
import * as globalFlags from "./globalFlags.ts"
import { settings } from "./settings.ts"
import { didYouMean } from "./usage.ts"

const DEFAULT_PROFILE = "default"

/** Where the files are; they need not exist. */
export const files = Effect.gen(function* () {
  const path = yield* Path.Path
  const directory = yield* UserDirectories.make().config("hb-sessions")
  return {
    directory,
    config: path.join(directory, "config.toml"),
    credentials: path.join(directory, "credentials.toml")
  }
}).pipe(
  Effect.mapError(
    () => new AppError({ message: "no home directory; set HOME or XDG_CONFIG_HOME", exitCode: exitCodes.usage })
  )
)

/** Where files would be, if there is a place for any; programs without a home directory run without profiles. */
const filesIfAny = Effect.option(files)

/** A profile that was chosen, and what it says. */
interface Profile {
  readonly name: string
  /** Where the name comes from. */
  readonly source: "flag" | "environment" | "profile file" | "default"
  readonly file: string | undefined
  /** The settings of the profile, by the names of their variables. */
  readonly values: SettingsFile.Values
  /** The key that was stored for the profile. */
  readonly apiKey: Redacted.Redacted | undefined
  /** The file of the keys, when others than its owner may read it. */
  readonly exposed: string | undefined
}

/** The profiles of `config.toml`, and which is used when none is named. */
const readConfig = Effect.fnUntraced(function* (file: string) {
  const root = yield* SettingsFile.parse(file, false)
  for (const key of Object.keys(root)) {
    if (key === "profile" || key === "profiles") continue
    return yield* new AppError({
      message: `${file}: there is no setting ${key} outside of a profile; write it below [profiles.${DEFAULT_PROFILE}]`,
      exitCode: exitCodes.usage
    })
  }
  const { profile, profiles } = root
  return { root, named: typeof profile === "string" ? profile : undefined, names: tables(profiles) }
})

/** The names of the profiles that either file has. */
export const profileNames = Effect.gen(function* () {
  const { config, credentials } = yield* files
  const keys = yield* SettingsFile.parse(credentials, false)
  return [...new Set([...(yield* readConfig(config)).names, ...Object.keys(keys)])].filter(isProfileName)
})

const tables = (value: unknown): ReadonlyArray<string> => (Predicate.isObject(value) ? Object.keys(value) : [])

/** A name can be written in TOML without quotes. */
const isProfileName = (name: string): boolean => /^[A-Za-z0-9_-]+$/.test(name)

const chosen = Effect.fnUntraced(function* (named: string | undefined) {
  const flag = yield* globalFlags.profile
  if (Option.isSome(flag)) return { name: flag.value, source: "flag" as const }
  const variable = yield* Config.option(Config.NonEmptyString("HB_SESSIONS_PROFILE"))
  if (Option.isSome(variable)) return { name: variable.value, source: "environment" as const }
  return named === undefined
    ? { name: DEFAULT_PROFILE, source: "default" as const }
    : { name: named, source: "profile file" as const }
})

/** The file, when its mode lets others read it; undefined on systems without such modes. */
const exposedFile = Effect.fnUntraced(function* (file: string) {
  if (platform === "win32") return undefined
  const fs = yield* FileSystem.FileSystem
  const info = yield* Effect.option(fs.stat(file))
  return Option.isSome(info) && (info.value.mode & 0o077) !== 0 ? file : undefined
})

/** Chooses the profile; fails when it was named and exists in neither file, unless it is about to be made. */
export const load = Effect.fnUntraced(function* (options: { readonly mayBeNew?: boolean } = {}) {
  const places = yield* filesIfAny
  const empty = { root: {}, named: undefined, names: [] }
  const config = Option.isSome(places) ? yield* readConfig(places.value.config) : empty
  const keys = Option.isSome(places) ? yield* SettingsFile.parse(places.value.credentials, false) : {}
  const { name, source } = yield* chosen(config.named)
  const names = [...new Set([...config.names, ...Object.keys(keys)])]
  if (!isProfileName(name)) {
    return yield* new AppError({
      message: `${JSON.stringify(name)} is not a profile name; use letters, digits, - and _`,
      exitCode: exitCodes.usage
    })
  }
  if (source !== "default" && options.mayBeNew !== true && !names.includes(name)) {
    const others = names.length === 0 ? "; there are no profiles yet" : didYouMean(name, names)
    return yield* new AppError({
      message: `there is no profile ${JSON.stringify(name)}${others}`,
      exitCode: exitCodes.usage
    })
  }
  const file = Option.isSome(places) ? places.value.config : undefined
  const values =
    file === undefined
      ? {}
      : yield* SettingsFile.values(config.root, { file, settings, table: ["profiles", name], required: false })
  const entry = keys[name]
  const key = Predicate.hasProperty(entry, "api_key") ? entry["api_key"] : undefined
  const apiKey = typeof key === "string" ? Redacted.make(key.trim(), { label: "api-key" }) : undefined
  const exposed =
    apiKey !== undefined && Option.isSome(places) ? yield* exposedFile(places.value.credentials) : undefined
  return { name, source, file, values, apiKey, exposed } satisfies Profile
})
