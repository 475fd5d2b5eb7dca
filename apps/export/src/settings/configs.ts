/**
 * How each setting is read: from its flag, its environment variable or its key in the settings file, in this order.
 */
import { AppError } from "@hb-sessions/app-kit/AppError"
import * as SettingsFile from "@hb-sessions/app-kit/SettingsFile"
import { type ClientSetting, clientSettings } from "@hb-sessions/core/SessionsConfig"
import { countText, durationText } from "@hb-sessions/core/SettingText"
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import { exitCodes } from "../exitCodes.ts"
import { defaultOutcomes, outcomes } from "../operations/Notification.ts"
import { isS3 } from "../s3/S3Location.ts"
import { SecretUrlsText, SecretUrlText, usable } from "./SecretUrl.ts"
import { compressions, dialects, formats, modes, partitions } from "./Selection.ts"

const PREFIX = "HB_SESSIONS_EXPORT_"

/** The environment variable of a flag. */
export const variableOf = (flag: string): string => `${PREFIX}${flag.toUpperCase().replaceAll("-", "_")}`

const text = (flag: string) => Config.NonEmptyString(variableOf(flag))

const oneOf = <const Names extends ReadonlyArray<string>>(flag: string, names: Names) =>
  Config.schema(Schema.Literals(names), variableOf(flag))

/** A hundred years: the bound of durations that are subtracted from a date. */
const MAX_AGE = 36_500 * 86_400_000

const duration = (flag: string, options?: Parameters<typeof durationText>[0]) =>
  Config.schema(durationText(options), variableOf(flag))

const atLeast = (min: number) => (flag: string) => Config.schema(countText({ min }), variableOf(flag))

const positive = atLeast(1)

const bool = (flag: string) => Config.Boolean(variableOf(flag))

const percent = (flag: string) =>
  Config.schema(
    Schema.String.check(Schema.isPattern(/^(100|\d{1,2}(\.\d+)?)%?$/, { expected: "a percentage from 0 to 100" })),
    variableOf(flag)
  ).pipe(Config.map((given) => Number.parseFloat(given) / 100))

/** A duration, or `never`. */
const durationOrNever = (flag: string) =>
  Config.schema(Schema.Literal("never"), variableOf(flag)).pipe(
    Config.map(() => Duration.infinity),
    Config.orElse(() => duration(flag, { max: MAX_AGE }))
  )

const Outcome = Schema.Literals(outcomes)

/** The names of outcomes, with commas between them. */
const OutcomesText = Schema.String.pipe(
  Schema.decodeTo(Schema.Array(Schema.String), {
    decode: SchemaGetter.transform((given: string) => given.split(",").map((name) => name.trim())),
    encode: SchemaGetter.transform((names: ReadonlyArray<string>) => names.join())
  }),
  Schema.decodeTo(Schema.Array(Outcome).annotate({ message: `expected one or several of ${outcomes.join()}` }))
)

/** How the log is written. */
export const logFormats = ["text", "json"] as const

/** What a scheduler does about missed runs. */
export const onMissed = ["skip", "once"] as const

/** How each setting is read, wherever it comes from. */
export const configs = {
  out: text("out"),
  mode: oneOf("mode", modes).pipe(Config.withDefault("snapshot")),
  "full-refresh": bool("full-refresh").pipe(Config.withDefault(false)),
  format: oneOf("format", formats).pipe(Config.withDefault("csv")),
  compress: Config.option(oneOf("compress", compressions)),
  columns: Config.option(text("columns")),
  dialect: oneOf("dialect", dialects).pipe(Config.withDefault("plain")),
  partition: oneOf("partition", partitions).pipe(Config.withDefault("none")),
  tz: text("tz").pipe(Config.withDefault("UTC")),
  status: Config.option(text("status")),
  since: Config.option(text("since")),
  until: Config.option(text("until")),
  keep: atLeast(2)("keep").pipe(Config.withDefault(2)),
  "keep-for": duration("keep-for", { max: MAX_AGE }).pipe(Config.withDefault(Duration.zero)),
  "compact-after": atLeast(0)("compact-after").pipe(Config.withDefault(30)),
  "full-every": durationOrNever("full-every").pipe(Config.withDefault(Duration.days(7))),
  "min-share": percent("min-share").pipe(Config.withDefault(0.5)),
  "max-quarantine": percent("max-quarantine").pipe(Config.withDefault(0.001)),
  "allow-shrink": bool("allow-shrink").pipe(Config.withDefault(false)),
  "accept-account-change": bool("accept-account-change").pipe(Config.withDefault(false)),
  strict: bool("strict").pipe(Config.withDefault(false)),
  "look-back": duration("look-back", { max: MAX_AGE }).pipe(Config.withDefault(Duration.days(1))),
  "checkpoint-every": duration("checkpoint-every").pipe(Config.withDefault(Duration.seconds(10))),
  "resume-within": duration("resume-within", { max: MAX_AGE }).pipe(Config.withDefault(Duration.hours(6))),
  "take-over-after": Config.option(duration("take-over-after", { min: 1 })),
  "work-dir": Config.option(text("work-dir")),
  concurrency: Config.option(positive("concurrency")),
  "page-size": Config.option(positive("page-size")),
  name: Config.option(text("name")),
  "account-column": bool("account-column").pipe(Config.withDefault(false)),
  "max-runtime": Config.option(duration("max-runtime", { min: 1 })),
  "metrics-file": Config.option(text("metrics-file")),
  "heartbeat-url": Config.option(Config.schema(SecretUrlText, variableOf("heartbeat-url"))),
  "notify-url": Config.schema(SecretUrlsText, variableOf("notify-url")).pipe(Config.withDefault([])),
  "notify-on": Config.schema(OutcomesText, variableOf("notify-on")).pipe(Config.withDefault(defaultOutcomes)),
  "stale-after": Config.option(duration("stale-after", { min: 1, max: MAX_AGE })),
  "log-format": oneOf("log-format", logFormats).pipe(Config.withDefault("text"))
}

const scheduleConfigs = {
  cron: text("cron"),
  "on-missed": oneOf("on-missed", onMissed).pipe(Config.withDefault("once")),
  "run-at-start": bool("run-at-start").pipe(Config.withDefault(false)),
  jitter: duration("jitter").pipe(Config.withDefault(Duration.zero))
}

const verifyConfigs = {
  "expect-generation": Config.option(positive("expect-generation")),
  "expect-digest": Config.option(
    Config.schema(
      Schema.String.check(
        Schema.isPattern(/^[0-9a-f]{64}$/, { message: "64 hexadecimal digits, as printed by run and verify" })
      ),
      variableOf("expect-digest")
    )
  )
}

/** A setting of core's client. */
const ofClient = <A>({ schema, variable }: ClientSetting<A>): SettingsFile.Setting => ({
  variable,
  config: Config.schema(schema, variable)
})

/** What stands between several values of a setting, which are an array in the settings file. */
const separators = { "notify-url": " ", "notify-on": "," } as const

const isList = (flag: string): flag is keyof typeof separators => Object.hasOwn(separators, flag)

/** Which accounts are exported. */
export const accountConfigs = {
  accounts: Config.option(text("accounts")),
  only: Config.option(text("only")),
  parallel: positive("parallel").pipe(Config.withDefault(4))
}

/** The keys of the settings file: those of the flags, with underscores, and those of the client. */
export const fileSettings: Readonly<Record<string, SettingsFile.Setting>> = {
  ...Object.fromEntries(
    Object.entries({ ...configs, ...scheduleConfigs }).map(([flag, config]) => [
      flag.replaceAll("-", "_"),
      { variable: variableOf(flag), config, ...(isList(flag) ? { separator: separators[flag] } : {}) }
    ])
  ),
  base_url: ofClient(clientSettings.baseUrl),
  attempt_timeout: ofClient(clientSettings.attemptTimeout),
  total_timeout: ofClient(clientSettings.totalTimeout),
  retries: ofClient(clientSettings.retries),
  max_retry_after: ofClient(clientSettings.maxRetryAfter),
  max_requests_per_second: ofClient(clientSettings.maxRequestsPerSecond),
  max_body_bytes: ofClient(clientSettings.maxBodyBytes)
}

/** The values of flags, by name. */
export type Given = Readonly<Record<string, Option.Option<string | number | boolean>>>

/** Rejects `--status ""`, which a script passes when its variable is not set: it would export more than was meant. */
export const rejectEmpty = (given: Given) => {
  const empty = Object.entries(given).find(([, found]) => Option.contains(found, ""))
  return empty === undefined
    ? Effect.void
    : Effect.fail(usage(`--${empty[0]} is empty; give it a value or leave it out`))
}

/** Flags take precedence over the environment. */
export const layerFlags = (given: Given) => {
  const entries = Object.entries(given).flatMap(([flag, found]) =>
    Option.match(found, { onNone: () => [], onSome: (some) => [[variableOf(flag), String(some)] as const] })
  )
  return SettingsFile.layerFlags(Object.fromEntries(entries))
}

/** Flags take precedence over the environment, and the environment over the settings file. */
export const layerSettings = (given: Given) => {
  const file = Layer.unwrap(
    Effect.map(Config.option(text("config")), (named) =>
      Option.match(named, {
        onNone: () => Layer.empty,
        onSome: (path) => SettingsFile.layer({ file: path, settings: fileSettings })
      })
    )
  )
  return file.pipe(Layer.provideMerge(layerFlags(given)))
}

/** Where the export is. */
export const outConfig = Effect.gen(function* () {
  const out = yield* Config.option(configs.out)
  if (Option.isSome(out) && /^[a-z][a-z\d+.-]+:\//i.test(out.value) && !isS3(out.value)) {
    return yield* usage(
      `--out takes a directory or s3://bucket/prefix, not ${out.value.replace(/:.*$/s, "://…")}; other stores often have an API like S3's: set AWS_ENDPOINT_URL_S3 and give s3://`
    )
  }
  if (Option.isSome(out)) return out.value
  return yield* usage("--out is missing; give the directory or s3://bucket/prefix to publish to")
})

/** When a schedule runs. */
export const scheduleConfig = Effect.gen(function* () {
  const cron = yield* Config.option(scheduleConfigs.cron)
  if (Option.isNone(cron)) return yield* usage("--cron is missing; give a cron expression, such as '0 2 * * *'")
  return {
    cron: cron.value,
    onMissed: yield* scheduleConfigs["on-missed"],
    runAtStart: yield* scheduleConfigs["run-at-start"],
    jitter: yield* scheduleConfigs.jitter,
    timeZone: yield* timeZone
  }
})

/** The generation and digest that `verify` compares with. */
export const expectedConfig = Config.all({
  generation: verifyConfigs["expect-generation"],
  digest: verifyConfigs["expect-digest"]
})

/** A mistake on the command line or in a setting. */
export const usage = (message: string): AppError => new AppError({ message, exitCode: exitCodes.usage })

/** The time zone of days, months and the schedule. */
export const timeZone = Effect.flatMap(configs.tz, (zone) =>
  Effect.try({
    try: () => {
      // Throws for an unknown zone; the spelling of the caller is kept.
      Intl.DateTimeFormat("en", { timeZone: zone })
      return zone
    },
    catch: () => usage(`${JSON.stringify(zone)} is not a time zone; give a name such as Europe/Paris or UTC`)
  })
)

/** How runs are monitored and limited; the same for every run of a schedule. */
export const watchConfig = Config.all({
  name: configs.name,
  maxRuntime: configs["max-runtime"],
  metricsFile: configs["metrics-file"],
  heartbeatUrl: configs["heartbeat-url"]
})

/** Who is told what. */
export const notifyConfig = Effect.map(
  Config.all({
    name: configs.name,
    urls: configs["notify-url"],
    on: configs["notify-on"],
    staleAfter: configs["stale-after"]
  }),
  ({ on, ...rest }) => ({ ...rest, on: new Set(on) })
)

/** As `notifyConfig`, as far as the settings are valid: for what is told of settings that are not. */
export const usableNotifySettings = Effect.gen(function* () {
  const textOf = (flag: string) => Effect.map(Effect.option(text(flag)), Option.getOrUndefined)
  const destination = yield* textOf("out")
  return {
    account: (yield* textOf("name")) ?? destination ?? "hb-sessions-export",
    destination,
    urls: usable((yield* textOf("notify-url")) ?? ""),
    on: new Set(yield* Effect.orElseSucceed(configs["notify-on"], () => defaultOutcomes))
  }
})

/** The form of the log. */
export const logFormat = configs["log-format"]
