/**
 * The settings of a run: each is a flag, an environment variable and a key of the settings file, in this order.
 */
import { AppError } from "@hb-sessions/app-kit/AppError"
import * as SettingsFile from "@hb-sessions/app-kit/SettingsFile"
import { type ClientSetting, clientSettings } from "@hb-sessions/core/SessionsConfig"
import { countText, durationText } from "@hb-sessions/core/SettingText"
import * as Flag from "effect/cli/Flag"
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { exitCodes } from "../exitCodes.ts"
import { compressions, dialects, formats, modes, partitions } from "./Selection.ts"

const PREFIX = "HB_SESSIONS_EXPORT_"

/** The environment variable of a flag. */
const variableOf = (flag: string): string => `${PREFIX}${flag.toUpperCase().replaceAll("-", "_")}`

const text = (flag: string) => Config.NonEmptyString(variableOf(flag))

const oneOf = <const Names extends ReadonlyArray<string>>(flag: string, names: Names) =>
  Config.schema(Schema.Literals(names), variableOf(flag))

/** A hundred years, for what is only added to a date. */
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

/** How the log is written. */
const logFormats = ["text", "json"] as const

/** What a scheduler does about runs whose time has passed. */
const onMissed = ["skip", "once"] as const

/** How each setting is read, wherever it comes from. */
export const configs = {
  out: text("out"),
  mode: oneOf("mode", modes).pipe(Config.withDefault("snapshot")),
  "full-refresh": bool("full-refresh").pipe(Config.withDefault(false)),
  format: oneOf("format", formats).pipe(Config.withDefault("csv")),
  compress: oneOf("compress", compressions).pipe(Config.withDefault("none")),
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
  "take-over-after": duration("take-over-after", { min: 1 }).pipe(Config.withDefault(Duration.minutes(10))),
  concurrency: Config.option(positive("concurrency")),
  "page-size": Config.option(positive("page-size")),
  name: Config.option(text("name")),
  "max-runtime": Config.option(duration("max-runtime", { min: 1 })),
  "metrics-file": Config.option(text("metrics-file")),
  "heartbeat-url": Config.option(Config.URL(variableOf("heartbeat-url"))),
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
      Schema.String.check(Schema.isPattern(/^[0-9a-f]{64}$/, { message: "64 digits, as a run and verify print them" })),
      variableOf("expect-digest")
    )
  )
}

/** A setting of core's client. */
const ofClient = <A>({ schema, variable }: ClientSetting<A>): SettingsFile.Setting => ({
  variable,
  config: Config.schema(schema, variable)
})

/** The keys of the settings file: those of the flags, with underscores, and those of the client. */
const fileSettings: Readonly<Record<string, SettingsFile.Setting>> = {
  ...Object.fromEntries(
    Object.entries({ ...configs, ...scheduleConfigs }).map(([flag, config]) => [
      flag.replaceAll("-", "_"),
      { variable: variableOf(flag), config }
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

const described = <A>(flag: Flag.Flag<A>, description: string) =>
  flag.pipe(Flag.withDescription(description), Flag.optional)

const value = (name: string, metavar: string, description: string) =>
  described(Flag.String(name).pipe(Flag.withMetavar(metavar)), description)

/** The flag that names the directory. */
export const outFlags = {
  out: described(
    Flag.String("out").pipe(Flag.withAlias("o"), Flag.withMetavar("directory")),
    "Where the export is published; created when it does not exist (required)"
  ),
  config: described(
    Flag.String("config").pipe(Flag.withMetavar("file")),
    "TOML file with any of these settings, such as page_size = 100; flags and the environment go before it"
  )
}

/** The flags of a run. */
export const flags = {
  ...outFlags,
  mode: described(
    Flag.Literals("mode", modes),
    "snapshot: all sessions, every time (default). incremental: those that are new or changed since the last time"
  ),
  "full-refresh": described(
    Flag.Boolean("full-refresh"),
    "Begin anew, whatever was published before, even with other settings or of another account"
  ),
  "full-every": value(
    "full-every",
    "duration",
    "How often an incremental run reads the whole list, to find what the others cannot; never for not at all (default: 7 days)"
  ),
  "compact-after": described(
    Flag.Int("compact-after").pipe(Flag.withMetavar("n")),
    "After more than so many generations with data, or when half of the rows are superseded, an incremental run puts its files together: one file with the last version of each session; 0 for never (default: 30)"
  ),
  format: described(Flag.Literals("format", formats), "Format of the files (default: csv)"),
  compress: described(Flag.Literals("compress", compressions), "Compression of the files (default: none)"),
  columns: value(
    "columns",
    "names",
    "Only these columns, separated by commas, in this order: any key by its path, '*' for all (default: all of the contract)"
  ),
  dialect: described(
    Flag.Literals("dialect", dialects),
    "spreadsheet: put an apostrophe before text that a spreadsheet would run as a formula (default: plain)"
  ),
  partition: described(Flag.Literals("partition", partitions), "One file a day or month of createdAt (default: none)"),
  tz: value("tz", "zone", "Time zone of days, months and the schedule, such as Europe/Paris (default: UTC)"),
  status: value(
    "status",
    "names",
    "Only sessions in these statuses, such as closed,error,close-error; filtered here, not by the API"
  ),
  since: value("since", "time", "Only sessions created then or later, such as 7d, yesterday or 2026-01-31"),
  until: value("until", "time", "Only sessions created before then"),
  keep: described(
    Flag.Int("keep").pipe(Flag.withMetavar("n")),
    "How many generations stay on the disk, at least 2, so that a reader finds the files of a manifest that was replaced meanwhile (default: 2)"
  ),
  "keep-for": value("keep-for", "duration", "Generations that are younger stay too, such as '30 days' (default: 0)"),
  "min-share": value(
    "min-share",
    "percent",
    "Publish nothing, with exit code 5, when there are fewer sessions than this share of the last generation's, or none (default: 50)"
  ),
  "max-quarantine": value(
    "max-quarantine",
    "percent",
    "Publish nothing, with exit code 7, when more rows than this share are no sessions; fewer are kept apart in quarantine.ndjson (default: 0.1)"
  ),
  "allow-shrink": described(Flag.Boolean("allow-shrink"), "Publish fewer sessions all the same"),
  "accept-account-change": described(
    Flag.Boolean("accept-account-change"),
    "Accept another API key where the API does not tell the team, so that it cannot be seen whether the account is the same"
  ),
  strict: described(
    Flag.Boolean("strict"),
    "Read as much of the list as a proof takes, and fail with exit code 5 when the export is not proven to be complete"
  ),
  "look-back": value(
    "look-back",
    "duration",
    "How far before everything that could have changed an incremental run reads (default: 1 day)"
  ),
  "checkpoint-every": value(
    "checkpoint-every",
    "duration",
    "Save the progress so often: a crash costs what was read since (default: 10 seconds)"
  ),
  "resume-within": value("resume-within", "duration", "Go on from no older checkpoint than this (default: 6 hours)"),
  "take-over-after": value(
    "take-over-after",
    "duration",
    "Take the directory from a run that has stood still for so long (default: 10 minutes)"
  ),
  concurrency: described(Flag.Int("concurrency").pipe(Flag.withMetavar("n")), "Most requests at a time (default: 8)"),
  "page-size": described(
    Flag.Int("page-size").pipe(Flag.withMetavar("n")),
    "Sessions to ask for with each request (default: up to the API)"
  ),
  "max-runtime": value(
    "max-runtime",
    "duration",
    "Stop reading after this time, when pages in flight and at least one are kept, with exit code 143 (default: none)"
  ),
  name: value("name", "name", "Name of this export in the metrics (default: the directory)"),
  "metrics-file": value("metrics-file", "file", "Write the outcome for Prometheus' textfile collector"),
  "heartbeat-url": value(
    "heartbeat-url",
    "url",
    "POST to <url>/start, then to <url> after a success or <url>/<exit code> after a failure, in at most 5 seconds"
  ),
  "log-format": described(Flag.Literals("log-format", logFormats), "Form of the log on stderr (default: text)")
}

/** The flags that `compact` shares with a run. */
export const compactFlags = {
  keep: flags.keep,
  "keep-for": flags["keep-for"],
  "take-over-after": flags["take-over-after"],
  "log-format": flags["log-format"]
}

/** The flags that only a single run has. */
export const runFlags = {
  "dry-run": Flag.Boolean("dry-run").pipe(
    Flag.withDescription("Check the settings, the directory and the API key, and tell what would be done"),
    Flag.withDefault(false)
  )
}

/** The flags that only a schedule has. */
export const scheduleFlags = {
  cron: value("cron", "expression", "When to run, such as '0 2 * * *' or @daily, in the time zone of --tz (required)"),
  "on-missed": described(
    Flag.Literals("on-missed", onMissed),
    "What becomes of times that passed while a run or the machine was busy: once makes up for them with one run (default)"
  ),
  "run-at-start": described(Flag.Boolean("run-at-start"), "Run once at the start, too"),
  jitter: value("jitter", "duration", "Begin each run up to so much later, at random (default: 0)")
}

/** The flags that only a check of what is published has. */
export const verifyFlags = {
  "expect-generation": described(
    Flag.Int("expect-generation").pipe(Flag.withMetavar("n")),
    "Fail when what is published is older than this generation, which a run printed"
  ),
  "expect-digest": value(
    "expect-digest",
    "sha256",
    "Fail when this is not the digest of that generation's manifest, or of one that is kept"
  )
}

/** The values of flags, by name. */
export type Given = Readonly<Record<string, Option.Option<string | number | boolean>>>

/** Refuses `--status ""`, which a script gives whose variable is not set: it would export more than was meant. */
export const refuseEmpty = (given: Given) => {
  const empty = Object.entries(given).find(([, found]) => Option.contains(found, ""))
  return empty === undefined
    ? Effect.void
    : Effect.fail(usage(`--${empty[0]} is empty; give it a value or leave it out`))
}

/** Puts the flags above the environment, and the settings file below it. */
export const layerSettings = (given: Given) => {
  const entries = Object.entries(given).flatMap(([flag, found]) =>
    Option.match(found, { onNone: () => [], onSome: (some) => [[variableOf(flag), String(some)] as const] })
  )
  const file = Layer.unwrap(
    Effect.map(Config.option(text("config")), (named) =>
      Option.match(named, {
        onNone: () => Layer.empty,
        onSome: (path) => SettingsFile.layer({ file: path, settings: fileSettings })
      })
    )
  )
  return file.pipe(Layer.provideMerge(SettingsFile.layerFlags(Object.fromEntries(entries))))
}

/** Where the export is. */
export const outConfig = Effect.gen(function* () {
  const out = yield* Config.option(configs.out)
  if (Option.isSome(out) && /^[a-z][a-z\d+.-]+:\/\//i.test(out.value)) {
    return yield* usage(
      `--out takes a directory, not a URL such as ${out.value.replace(/:.*$/s, "://…")}; export to a directory, and copy what manifest.json names from there`
    )
  }
  if (Option.isSome(out)) return out.value
  return yield* usage("--out is missing; give the directory that the export is published in")
})

/** When a schedule runs. */
export const scheduleConfig = Effect.gen(function* () {
  const cron = yield* Config.option(scheduleConfigs.cron)
  if (Option.isNone(cron)) return yield* usage("--cron is missing; give the times to run at, such as '0 2 * * *'")
  return {
    cron: cron.value,
    onMissed: yield* scheduleConfigs["on-missed"],
    runAtStart: yield* scheduleConfigs["run-at-start"],
    jitter: yield* scheduleConfigs.jitter,
    timeZone: yield* timeZone
  }
})

/** What is known from elsewhere of what is published. */
export const expectedConfig = Config.all({
  generation: verifyConfigs["expect-generation"],
  digest: verifyConfigs["expect-digest"]
})

/** A mistake on the command line or in a setting. */
export const usage = (message: string): AppError => new AppError({ message, exitCode: exitCodes.usage })

/** In which days, months and the schedule are counted. */
export const timeZone = Effect.flatMap(configs.tz, (zone) =>
  Effect.try({
    try: () => {
      // Throws when nobody knows the zone; its spelling is the caller's.
      Intl.DateTimeFormat("en", { timeZone: zone })
      return zone
    },
    catch: () => usage(`${JSON.stringify(zone)} is not a time zone; give a name such as Europe/Paris or UTC`)
  })
)

/** How the job is watched and bounded; the same for every run of a schedule. */
export const watchConfig = Config.all({
  name: configs.name,
  maxRuntime: configs["max-runtime"],
  metricsFile: configs["metrics-file"],
  heartbeatUrl: configs["heartbeat-url"]
})

/** The form of the log. */
export const logFormat = configs["log-format"]
