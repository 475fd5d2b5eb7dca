/**
 * How the settings are read: from the flag, the environment variable or the key in the settings file, in this order.
 */
import { AppError } from "@hb-sessions/app-kit/AppError"
import * as RegularFile from "@hb-sessions/app-kit/RegularFile"
import * as Setting from "@hb-sessions/app-kit/Setting"
import * as SettingsFile from "@hb-sessions/app-kit/SettingsFile"
import { configOf } from "@hb-sessions/core/SessionsConfig"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Struct from "effect/Struct"
import { exitCodes } from "../exitCodes.ts"
import { defaultOutcomes } from "../operations/Notification.ts"
import { isS3 } from "../s3/S3Location.ts"
import { DatabaseUrlText } from "./databaseUrl.ts"
import { usable } from "./SecretUrl.ts"
import {
  databaseSettings,
  fileSettings,
  runSettings,
  scheduleSettings,
  settings,
  verifySettings
} from "./runSettings.ts"

/** Rejects a flag with a bad value. */
export const checkFlags = (given: Setting.Given) => Setting.checkFlags(settings, given)

/** Flags take precedence over the environment. */
export const layerFlags = (given: Setting.Given) => SettingsFile.layerFlags(Setting.textsOf(settings, given))

/** Flags take precedence over the environment, and the environment over the settings file. */
export const layerSettings = (given: Setting.Given) => {
  const file = Layer.unwrap(
    Effect.map(configOf(settings.config), (path) =>
      path === undefined ? Layer.empty : SettingsFile.layer({ file: path, settings: fileSettings })
    )
  )
  return file.pipe(Layer.provideMerge(layerFlags(given)))
}

/** Where the export is. */
export const outConfig = Effect.flatMap(configOf(settings.out), (out) => {
  if (out === undefined) {
    return Effect.fail(usage("--out is missing; give the directory or s3://bucket/prefix to publish to"))
  }
  return /^[a-z][a-z\d+.-]+:\//i.test(out) && !isS3(out)
    ? Effect.fail(
        usage(
          `--out takes a directory or s3://bucket/prefix, not ${out.replace(/:.*$/s, "://…")}; other stores often have an API like S3's: set AWS_ENDPOINT_URL_S3 and give s3://`
        )
      )
    : Effect.succeed(out)
})

/** When a schedule runs. */
export const scheduleConfig = Effect.gen(function* () {
  const { cron, ...options } = yield* Setting.configOfAll(scheduleSettings)
  if (cron === undefined) return yield* usage("--cron is missing; give a cron expression, such as '0 2 * * *'")
  return { cron, ...options, timeZone: yield* configOf(runSettings.tz) }
})

/** The generation and digest that `verify` compares with. */
export const expectedConfig = Setting.configOfAll(verifySettings).pipe(
  Config.map(({ expectDigest, expectGeneration }) => ({
    generation: Option.fromUndefinedOr(expectGeneration),
    digest: Option.fromUndefinedOr(expectDigest)
  }))
)

/** A mistake on the command line or in a setting. */
export const usage = (message: string): AppError => new AppError({ message, exitCode: exitCodes.usage })

/** How runs are monitored and limited; whatever else is set, so that a run that other settings fail is monitored too. */
export const watchConfig = Setting.configOfAll(
  Struct.pick(runSettings, ["heartbeatUrl", "maxRuntime", "metricsFile", "name"])
).pipe(
  Config.map(({ heartbeatUrl, maxRuntime, metricsFile, name }) => ({
    name: Option.fromUndefinedOr(name),
    maxRuntime: Option.fromUndefinedOr(maxRuntime),
    metricsFile: Option.fromUndefinedOr(metricsFile),
    heartbeatUrl: Option.fromUndefinedOr(heartbeatUrl)
  }))
)

/** Who is told what; whatever else is set, as `watchConfig`. */
export const notifyConfig = Setting.configOfAll(
  Struct.pick(runSettings, ["name", "notifyOn", "notifyUrl", "staleAfter"])
).pipe(
  Config.map(({ name, notifyOn, notifyUrl, staleAfter }) => ({
    name: Option.fromUndefinedOr(name),
    urls: notifyUrl ?? [],
    on: new Set(notifyOn),
    staleAfter: Option.fromUndefinedOr(staleAfter)
  }))
)

/** As `notifyConfig`, as far as the settings are valid: for what is told of settings that are not. */
export const usableNotifySettings = Effect.gen(function* () {
  const textOf = ({ variable }: Setting.Setting<unknown>) =>
    Effect.map(Effect.option(Config.NonEmptyString(variable)), Option.getOrUndefined)
  const out = yield* textOf(settings.out)
  // With a placeholder, it is the place of no account.
  const destination = out?.includes("{account}") === true ? undefined : out
  return {
    name: (yield* textOf(settings.name)) ?? destination ?? (yield* textOf(settings.accounts)) ?? "hb-sessions-export",
    destination,
    urls: usable((yield* textOf(settings.notifyUrl)) ?? ""),
    on: new Set(yield* Effect.orElseSucceed(configOf(settings.notifyOn), () => defaultOutcomes))
  }
})

/** Where the queue of a fleet is; a file holds the URL in its first line. */
export const databaseConfig = Effect.gen(function* () {
  const { database, databaseFile, databaseSchema } = yield* Setting.configOfAll(databaseSettings)
  if (database !== undefined) {
    if (databaseFile === undefined) return { url: database, schema: databaseSchema }
    return yield* usage("both --database and --database-file are given; leave one out")
  }
  if (databaseFile === undefined) {
    return yield* usage(
      "--database is missing; give the URL of a PostgreSQL database, such as postgres://user@host/database"
    )
  }
  const text = yield* Effect.mapError(RegularFile.readText(databaseFile, { maxBytes: 64 * 1024 }), ({ problem }) =>
    usage(`--database-file: ${databaseFile} cannot be read: ${problem}`)
  )
  const url = yield* Effect.mapError(Schema.decodeEffect(DatabaseUrlText)(text.trim()), () =>
    usage(`--database-file: ${databaseFile} does not hold the URL of a PostgreSQL database`)
  )
  return { url, schema: databaseSchema }
})

/** The form of the log. */
export const logFormat = configOf(settings.logFormat)
