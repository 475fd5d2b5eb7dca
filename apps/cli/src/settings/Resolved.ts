/**
 * The settings of one run: flag > environment > profile file > default.
 */
import { configured } from "@hb-sessions/app-kit/ApiKey"
import * as KeySource from "@hb-sessions/app-kit/KeySource"
import { checkFlags, type Given, type Setting, textsOf } from "@hb-sessions/app-kit/Setting"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as globalFlags from "./globalFlags.ts"
import * as Profile from "./Profile.ts"
import { byKey, settings } from "./settings.ts"

const BASE_URL = settings.baseUrl.variable

type Source = "flag" | "environment" | "profile file" | "default"

/** Where a setting comes from, and its text. */
interface Origin {
  /** Its key in a profile. */
  readonly name: string
  readonly value: string
  readonly source: Source
}

/** The API key, and where it comes from. */
interface Key {
  readonly source: "environment" | "stored" | "typed"
  readonly from: KeySource.KeySource
}

/** The flags of a command that are settings, by their names. */
export type FlagValues = Given<typeof settings>

const only = (values: Readonly<Record<string, string>>, name: string) =>
  values[name] === undefined ? {} : { [name]: values[name] }

/** The settings, the profile and the key of a run. */
export const resolve = Effect.fnUntraced(function* (
  flags: FlagValues = {},
  options: Parameters<typeof Profile.load>[0] = {}
) {
  const environment = yield* ConfigProvider.ConfigProvider
  const profile = yield* Profile.load(options)
  const all = { baseUrl: yield* globalFlags.baseUrl, ...flags }
  yield* checkFlags(settings, all)
  const given = textsOf(settings, all)
  // A profile that is named on the command line is meant with its key and its server, which belong together.
  const named = profile.source === "flag" ? only(profile.values, BASE_URL) : {}
  const provider = ConfigProvider.fromUnknown(given).pipe(
    ConfigProvider.orElse(ConfigProvider.fromUnknown(named)),
    ConfigProvider.orElse(environment),
    ConfigProvider.orElse(ConfigProvider.fromUnknown(profile.values))
  )

  const origin = Effect.fnUntraced(function* ([name, setting]: readonly [string, Setting<unknown>]) {
    const { default: text, shown = text, variable } = setting
    const flag = given[variable]
    if (flag !== undefined) return { name, value: flag, source: "flag" } satisfies Origin
    if (Object.hasOwn(named, variable)) {
      return { name, value: profile.values[variable] ?? "", source: "profile file" } satisfies Origin
    }
    const inEnvironment = yield* Config.option(Config.String(variable)).parse(environment)
    if (Option.isSome(inEnvironment)) {
      return { name, value: inEnvironment.value, source: "environment" } satisfies Origin
    }
    const inFile = profile.values[variable]
    return (
      inFile === undefined ? { name, value: shown, source: "default" } : { name, value: inFile, source: "profile file" }
    ) satisfies Origin
  })

  const inEnvironment = yield* Effect.provideService(configured, ConfigProvider.ConfigProvider, environment)
  const ofProfile: Key | undefined =
    profile.apiKey === undefined ? undefined : { source: "stored", from: KeySource.fixed("stored", profile.apiKey) }
  const ofEnvironment: Key | undefined = Option.isSome(inEnvironment)
    ? { source: "environment", from: inEnvironment.value }
    : undefined
  const key = profile.source === "flag" ? (ofProfile ?? ofEnvironment) : (ofEnvironment ?? ofProfile)
  /** Whether the key of the environment would go to a server that only the named profile speaks of. */
  const isKeyAstray = key?.source === "environment" && Object.hasOwn(named, BASE_URL) && given[BASE_URL] === undefined

  return { profile, provider, key, isKeyAstray, origins: yield* Effect.forEach(byKey, origin) }
})

export type Resolved = Effect.Success<ReturnType<typeof resolve>>
