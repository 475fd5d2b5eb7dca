/**
 * Settings: one record of a program's settings gives its flags with their help, the variables of its environment, the
 * keys of its file, and the rows of the table in its README.
 */
import { type ClientSetting, configOf } from "@hb-sessions/core/SessionsConfig"
import * as CliError from "effect/cli/CliError"
import * as Flag from "effect/cli/Flag"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Option from "effect/Option"
import * as Record from "effect/Record"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import { AppError, exitCodes } from "./AppError.ts"
import { issueProblem } from "./configProblem.ts"

/** A setting; what only a flag needs is absent where there is none. */
export interface Setting<out A> extends ClientSetting<A> {
  /** The values, where there are only these. */
  readonly choices?: ReadonlyArray<string>
  /** Whether its flag takes no value. */
  readonly isSwitch?: boolean
  /** What stands between several values of it; its flag may be repeated, and in a file it is an array. */
  readonly separator?: string
  /** What its value is called in the help. */
  readonly metavar?: string
  readonly alias?: string
}

/** Settings by their names, in camel case. */
export type Settings = Readonly<Record<string, Setting<unknown>>>

/** The texts of flags that were given, by the names of their settings. */
export type Given<S extends Settings = Settings> = { readonly [Name in keyof S]?: Option.Option<string> }

/** The values of settings, by their names. */
export type Values<S extends Settings> = { readonly [Name in keyof S]: S[Name]["schema"]["Type"] }

/** A setting of a record, whose variable follows from its name unless it is given. */
type Entry = Omit<Setting<unknown>, "variable"> & { readonly variable?: string }

/** A record of settings whose variables are the prefix and the name, `maxAge` being `MAX_AGE`. */
export const record = <const Entries extends Readonly<Record<string, Entry>>>(
  prefix: string,
  entries: Entries
): { readonly [Name in keyof Entries]: Entries[Name] & { readonly variable: string } } =>
  mapAll(entries, (entry, name) => ({ variable: prefix + fileKey(name).toUpperCase(), ...entry }))

/** The values of a setting that has a few. */
export const oneOf = <const Names extends ReadonlyArray<string>>(choices: Names) => ({
  choices,
  schema: Schema.Literals(choices)
})

const on: ReadonlySet<string> = new Set(["true", "yes", "on", "1", "y"])
const off: ReadonlySet<string> = new Set(["false", "no", "off", "0", "n"])

const isOnOrOff = Schema.makeFilter((text: string) => on.has(text) || off.has(text), {
  expected: "true or false"
})

const switchText = Schema.String.check(isOnOrOff).pipe(
  Schema.decodeTo(Schema.Boolean, {
    decode: SchemaGetter.transform((text: string) => on.has(text)),
    encode: SchemaGetter.transform(String)
  })
)

/** What is on or off, and off unless something says otherwise. */
export const onOff = { schema: switchText, isSwitch: true, default: "false", shown: "off" } as const

/** Lets a setting be absent: its text is empty then. */
export const orNone = <A>(schema: Schema.Codec<A, string>): Schema.Codec<A | undefined, string> => {
  const absent: A | undefined = undefined
  return Schema.String.pipe(
    Schema.decodeTo(Schema.UndefinedOr(Schema.toType(schema)), {
      decode: SchemaGetter.transformEffect((text: string) =>
        text === "" ? Effect.succeed(absent) : Effect.mapError(Schema.decodeEffect(schema)(text), ({ issue }) => issue)
      ),
      encode: SchemaGetter.transformEffect((value: A | undefined) =>
        value === undefined
          ? Effect.succeed("")
          : Effect.mapError(Schema.encodeEffect(schema)(value), ({ issue }) => issue)
      )
    })
  )
}

/** The flag of a setting: `max-age` for `maxAge`. */
export const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

/** The key of a setting in a file: `max_age` for `maxAge`. */
export const fileKey = (name: string): string => kebab(name).replaceAll("-", "_")

/** Settings by their keys in a file. */
export const byFileKey = (settings: Settings): ReadonlyMap<string, Setting<unknown>> =>
  new Map(Object.entries(settings).map(([name, setting]) => [fileKey(name), setting]))

/** A flag whose text is read by a schema; a text that it rejects is a usage error that says what was expected. */
export const textFlag = <A>(name: string, schema: Schema.Codec<A, string>): Flag.Flag<A> =>
  Flag.mapEffect(Flag.String(name), (text) =>
    Effect.mapError(decode(name, schema, text), (message) => new CliError.ValidationError({ message }))
  )

const decode = <A>(flag: string, schema: Schema.Codec<A, string>, text: string): Effect.Effect<A, string> =>
  Effect.mapError(Schema.decodeEffect(schema)(text), ({ issue }) => `--${flag}: ${issueProblem(issue).problem}`)

/** What the help says of a setting. */
export const help = ({ default: fallback, meaning, shown = fallback, variable }: Setting<unknown>) =>
  `${meaning} (${shown === "" ? "" : `default: ${shown}; `}env: ${variable})`

/** The flag of a setting: its text, which `checkFlags` checks; absent if it was not given. */
export const flagOf = (name: string, setting: Setting<unknown>): Flag.Flag<Option.Option<string>> => {
  const { alias, choices, isSwitch = false, metavar, separator } = setting
  const spelling = kebab(name)
  const kind = isSwitch
    ? Flag.map(Flag.Boolean(spelling), String)
    : choices === undefined
      ? Flag.String(spelling)
      : Flag.Literals(spelling, choices)
  const flag = kind.pipe(
    metavar === undefined ? identity : Flag.withMetavar(metavar),
    alias === undefined ? identity : Flag.withAlias(alias),
    Flag.withDescription(help(setting))
  )
  return separator === undefined ? Flag.optional(flag) : joined(flag, separator)
}

/** The values of a flag that may be repeated as one text, which is empty if one of them is. */
const joined = (flag: Flag.Flag<string>, separator: string) =>
  Flag.map(Flag.atLeast(flag, 0), (texts) =>
    texts.length === 0 ? Option.none<string>() : Option.some(texts.includes("") ? "" : texts.join(separator))
  )

/** The flags of settings, by their names. */
export const flagsOf = <S extends Settings>(
  settings: S
): { readonly [Name in keyof S]: Flag.Flag<Option.Option<string>> } =>
  mapAll(settings, (setting, name) => flagOf(name, setting))

/** The texts that flags were given, with their settings. */
const givenTexts = (settings: Settings, given: Given) =>
  Object.entries(given).flatMap(([name, found = Option.none()]) => {
    const setting = settings[name]
    return setting === undefined || Option.isNone(found) ? [] : [{ name, setting, text: found.value }]
  })

/** The texts that flags were given, by the variables that they stand for. */
export const textsOf = (settings: Settings, given: Given): Readonly<Record<string, string>> =>
  Object.fromEntries(givenTexts(settings, given).map(({ setting, text }) => [setting.variable, text]))

/**
 * Fails with the exit code of a usage error, and the name of the flag, on a text that a setting rejects, and on an empty
 * one: a script passes it when its own variable is not set, and would get something else than was meant.
 */
export const checkFlags = (settings: Settings, given: Given): Effect.Effect<void, AppError> =>
  Effect.forEach(
    givenTexts(settings, given),
    ({ name, setting, text }) =>
      Effect.mapError(
        text === ""
          ? Effect.fail(`--${kebab(name)} is empty; give it a value or leave it out`)
          : decode(kebab(name), setting.schema, text),
        (message) => new AppError({ message, exitCode: exitCodes.usage })
      ),
    { discard: true }
  )

/** The values of settings, wherever they come from. */
export const configOfAll = <S extends Settings>(settings: S): Config.Config<Values<S>> =>
  // Its type loses which name has which value.
  Config.all(Record.map(settings, configOf)) as unknown as Config.Config<Values<S>>

/** The values of settings: that of the flag, else that of the environment, else the default. */
export const read = Effect.fnUntraced(function* <S extends Settings>(settings: S, given: Given) {
  yield* checkFlags(settings, given)
  const environment = yield* ConfigProvider.ConfigProvider
  const flags = ConfigProvider.fromUnknown(textsOf(settings, given))
  return yield* configOfAll(settings).parse(ConfigProvider.orElse(flags, environment))
})

/** What a document says of a setting; the flag and the variable as they are typed. */
export interface SettingRow {
  readonly name: string
  readonly flag: string
  readonly variable: string
  readonly meaning: string
  readonly default: string
}

/** The rows of settings, in their order. */
export const rows = (settings: Settings): ReadonlyArray<SettingRow> =>
  Object.entries(settings).map(([name, { default: fallback, meaning, shown = fallback, variable }]) => ({
    name,
    flag: `--${kebab(name)}`,
    variable,
    meaning,
    default: shown
  }))

/** The type of each result is for the caller to know, as a type cannot say how a function maps one. */
const mapAll = <A, B, Result extends Readonly<Record<string, unknown>>>(
  all: Readonly<Record<string, A>>,
  f: (value: A, name: string) => B
): Result => Record.map(all, f) as unknown as Result
