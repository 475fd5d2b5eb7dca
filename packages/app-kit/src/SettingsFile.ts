/**
 * Settings from a TOML file, below the environment: flag > environment > file > default.
 *
 * The file uses short keys (`base_url`); a program reads its settings by the names of the environment variables
 * (`HYPERBROWSER_BASE_URL`), wherever they come from.
 */
import { nearest } from "@hb-sessions/core/nearest"
import { configOf } from "@hb-sessions/core/SessionsConfig"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Toml from "effect/encoding/Toml"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import { AppError, exitCodes } from "./AppError.ts"
import { configProblem } from "./configProblem.ts"
import * as RegularFile from "./RegularFile.ts"
import * as Setting from "./Setting.ts"
import { shownPath } from "./SystemError.ts"

/** Where the settings are. */
export interface SettingsFileOptions {
  readonly file: string
  /** The table that holds the settings, such as `["profiles", "work"]`; the top of the file by default. */
  readonly table?: ReadonlyArray<string>
  /** What the file may set: `baseUrl` by the key `base_url`. */
  readonly settings: Setting.Settings
  /** Whether the file and the table must exist; true by default. */
  readonly required?: boolean
}

/** A table of a TOML file. */
export type Table = Readonly<Record<string, unknown>>

/** The values of a file, as text, by the names of the variables that they stand for. */
export type Values = Readonly<Record<string, string>>

/** More than any file of settings that people write. */
const MAX_BYTES = 4 * 1024 * 1024

/** Reads and parses a TOML file; a file that does not exist fails, or is empty if `required` is false. */
export const parse = (file: string, required = true): Effect.Effect<Table, AppError> =>
  RegularFile.readText(file, { maxBytes: MAX_BYTES }).pipe(
    Effect.catchIf(
      ({ kind }) => kind === "missing" && !required,
      () => Effect.succeed("")
    ),
    Effect.mapError((found) => unreadable(file, found)),
    Effect.flatMap((text) =>
      Effect.fromResult(Result.mapError(Toml.parse(text), ({ message }) => invalid(file, withoutValue(message))))
    )
  )

/** A value that is not in quotes may be a key: only its place is told. */
const withoutValue = (message: string): string =>
  message.replace(/^(Invalid value|Invalid date-time|Integer out of range) '.*'/s, "$1; text needs quotes around it,")

/**
 * Reads the values of a file.
 *
 * **Details**
 *
 * Text, numbers and booleans are values, and arrays of texts where a setting takes several. Fails with the exit code of
 * a usage error, and a message with the name of the file and the key, on a key that is not among the settings, and on a
 * value of another kind or that its setting rejects.
 */
export const read = (options: SettingsFileOptions): Effect.Effect<Values, AppError> =>
  Effect.flatMap(parse(options.file, options.required), (root) => values(root, options))

/** As `read`, from a file that was parsed before. */
export const values = Effect.fnUntraced(function* (root: Table, options: SettingsFileOptions) {
  const { file, required = true, settings } = options
  const path = options.table ?? []
  let table: unknown = root
  for (const name of path) table = isTable(table) ? table[name] : undefined
  if (!isTable(table)) {
    if (table === undefined && !required) return {}
    return yield* invalid(file, `the table [${path.join(".")}] does not exist`)
  }
  const known = Setting.byFileKey(settings)
  const found: Record<string, string> = {}
  for (const [name, value] of Object.entries(table)) {
    const setting = known.get(name)
    const key = [...path, name].join(".")
    if (setting === undefined) return yield* unknownSetting(file, key, name, [...known.keys()])
    const text = yield* textOf(file, key, value, setting.separator)
    yield* Effect.mapError(check(setting, text), (problem) => invalid(file, `${key}: ${problem}`))
    found[setting.variable] = text
  }
  return found
})

/** Whether a setting accepts a text; fails with what is wrong, which never quotes the text. */
export const check = (setting: Setting.Setting<unknown>, text: string): Effect.Effect<void, string> =>
  configOf(setting)
    .parse(ConfigProvider.fromUnknown({ [setting.variable]: text }))
    .pipe(
      Effect.mapError((error) => configProblem(error).problem),
      Effect.asVoid
    )

/** Adds the values of a file below those that are configured already, which usually are the environment's. */
export const layer = (options: SettingsFileOptions): Layer.Layer<never, AppError> =>
  ConfigProvider.layerAdd(Effect.map(read(options), ConfigProvider.fromUnknown))

/** Adds values above those that are configured already: flags of the command line. */
export const layerFlags = (flags: Values): Layer.Layer<never> =>
  ConfigProvider.layerAdd(ConfigProvider.fromUnknown(flags), { asPrimary: true })

/** Whether a value of TOML is a table. */
export const isTable = (value: unknown): value is Table => Predicate.isObject(value) && !Array.isArray(value)

/** The text of a value; fails on a table and what else is no setting, and on an array without a separator. */
export const textOf = (
  file: string,
  key: string,
  value: unknown,
  separator?: string
): Effect.Effect<string, AppError> => {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
    return Effect.succeed(String(value))
  }
  const isPart = (part: unknown) => typeof part === "string" && separator !== undefined && !part.includes(separator)
  if (Array.isArray(value) && value.every(isPart)) return Effect.succeed(value.join(separator))
  const kinds =
    separator === undefined
      ? "text, a number or a boolean"
      : `text, or an array of texts without ${JSON.stringify(separator)}`
  return Effect.fail(invalid(file, `${key}: must be ${kinds}`))
}

/** The failure of a key that is none of the names, with the one that was probably meant. */
export const unknownSetting = (file: string, key: string, name: string, names: ReadonlyArray<string>): AppError => {
  const best = nearest(name, names)
  const hint = best === undefined ? `the settings are ${names.join(", ")}` : `did you mean ${best}?`
  return invalid(file, `there is no setting ${key}; ${hint}`)
}

/** The failure of a file that says something wrong. */
export const invalid = (file: string, problem: string) =>
  new AppError({
    message: `${shownPath(file)}: ${problem}${problem.endsWith("?") ? "" : "; correct the file"}`,
    exitCode: exitCodes.usage
  })

const unreadable = (file: string, { kind, problem }: RegularFile.FileProblem) =>
  new AppError({ message: `${shownPath(file)}: ${problem}; ${remedies[kind]}`, exitCode: exitCodes.usage })

const remedies: Readonly<Record<RegularFile.FileProblem["kind"], string>> = {
  missing: "create it, or name another file",
  "bad path": "correct the path",
  unreadable: "make it readable for this user",
  "not a file": "name a file, or put one in its place",
  "too large": "name a file of settings",
  "not text": "correct the file",
  rejected: "correct the file"
}
