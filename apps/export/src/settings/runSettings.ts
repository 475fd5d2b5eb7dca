/**
 * Every setting of the export: each can be a flag, a variable, and a key of the settings file.
 */
import * as Setting from "@hb-sessions/app-kit/Setting"
import { TimeExpression } from "@hb-sessions/app-kit/TimeExpression"
import { clientSettings } from "@hb-sessions/core/SessionsConfig"
import { countText, durationText, RateText } from "@hb-sessions/core/SettingText"
import * as Flag from "effect/cli/Flag"
import * as Schema from "effect/Schema"
import { defaultOutcomes, outcomes } from "../operations/Notification.ts"
import { DatabaseUrlText, SchemaName } from "./databaseUrl.ts"
import { SecretUrlsText, SecretUrlText } from "./SecretUrl.ts"
import { compressions, dialects, formats, modes, partitions } from "./Selection.ts"
import { Age, AgeOrNever, MAX_AGE, OutcomesText, Percent, Sha256, TimeZone } from "./settingValues.ts"

const PREFIX = "HB_SESSIONS_EXPORT_"

/** How the log is written. */
export const logFormats = ["text", "json"] as const

const text = { schema: Setting.orNone(Schema.NonEmptyString), default: "" }
const duration = { schema: durationText(), metavar: "duration" }
const age = { schema: Age, metavar: "duration" }
const maybeCount = { schema: Setting.orNone(countText({ min: 1 })), default: "", metavar: "n" }
const percent = { schema: Percent, metavar: "percent" }

/** Where the export is. */
export const outSettings = Setting.record(PREFIX, {
  out: {
    ...text,
    shown: "",
    alias: "o",
    metavar: "destination",
    meaning: "Where to publish: a directory, created if it does not exist, or s3://bucket/prefix; required"
  },
  config: {
    ...text,
    shown: "",
    metavar: "file",
    meaning:
      "TOML file with any of these settings, such as page_size = 100; flags and environment variables take precedence"
  }
})

/** What `compact` shares with a run. */
export const compactSettings = Setting.record(PREFIX, {
  keep: {
    schema: countText({ min: 2 }),
    default: "2",
    metavar: "n",
    meaning: "Generations to keep on disk, at least 2, so that readers of the previous manifest still find its files"
  },
  keepFor: { ...age, default: "0", meaning: "Also keep generations younger than this, such as '30 days'" },
  takeOverAfter: {
    schema: Setting.orNone(durationText({ min: 1 })),
    default: "",
    shown: "10 minutes, 1 minute with s3://",
    metavar: "duration",
    meaning: "Take over from a run that has shown no activity for this long"
  },
  workDir: {
    ...text,
    shown: "a temporary directory",
    metavar: "directory",
    meaning: "With s3://, directory for the working files of runs; a stopped run can be resumed only while they exist"
  },
  logFormat: { ...Setting.oneOf(logFormats), default: "text", meaning: "Format of the log on stderr" }
})

/** The settings of a run. */
export const runSettings = {
  ...outSettings,
  ...Setting.record(PREFIX, {
    mode: {
      ...Setting.oneOf(modes),
      default: "snapshot",
      meaning:
        "snapshot: all sessions in every run. incremental: only sessions that are new or changed since the last run"
    },
    fullRefresh: {
      ...Setting.onOff,
      meaning: "Start over and replace what is published, even with other settings or from another account"
    },
    fullEvery: {
      ...duration,
      schema: AgeOrNever,
      default: "7 days",
      meaning: "How often an incremental run reads the whole list, to find changes that partial reads cannot; or never"
    },
    compactAfter: {
      schema: countText(),
      default: "30",
      metavar: "n",
      meaning:
        "Compact an incremental export after this many generations with data, or when half of its rows are superseded: one file with the latest version of each session; 0 for never"
    },
    format: {
      ...Setting.oneOf(formats),
      default: "csv",
      meaning: "Format of the files; parquet has typed columns"
    },
    compress: {
      choices: compressions,
      schema: Setting.orNone(Schema.Literals(compressions)),
      default: "",
      shown: "none; zstd with parquet",
      meaning: "Compression of the files, or of the data in them with parquet; snappy is for parquet only"
    },
    columns: {
      ...text,
      shown: "all of the contract",
      metavar: "names",
      meaning: "Columns to write, in order, separated by commas: any key by its path, or '*' for all"
    },
    dialect: {
      ...Setting.oneOf(dialects),
      default: "plain",
      meaning: "spreadsheet: prefix text that a spreadsheet would run as a formula with an apostrophe"
    },
    partition: {
      ...Setting.oneOf(partitions),
      default: "none",
      meaning: "Write one file per day or month of createdAt"
    },
    tz: {
      schema: TimeZone,
      default: "UTC",
      metavar: "zone",
      meaning: "Time zone of days, months and the schedule, such as Europe/Paris"
    },
    status: {
      ...text,
      shown: "all",
      metavar: "names",
      meaning: "Only sessions with these statuses, such as closed,error,close-error; filtered locally, not by the API"
    },
    since: {
      schema: Setting.orNone(TimeExpression),
      default: "",
      shown: "no bound",
      metavar: "time",
      meaning: "Only sessions created at or after this time, such as 7d, yesterday or 2026-01-31"
    },
    until: {
      schema: Setting.orNone(TimeExpression),
      default: "",
      shown: "no bound",
      metavar: "time",
      meaning: "Only sessions created before this time"
    },
    ...compactSettings,
    minShare: {
      ...percent,
      default: "50",
      meaning:
        "Fail with exit code 5 and publish nothing if fewer sessions than this share of the last generation remain, or none"
    },
    maxQuarantine: {
      ...percent,
      default: "0.1",
      meaning:
        "Fail with exit code 7 and publish nothing if more than this share of the rows are not sessions; up to it, they are written to quarantine.ndjson"
    },
    allowShrink: { ...Setting.onOff, meaning: "Publish even if the export shrank below --min-share" },
    acceptAccountChange: {
      ...Setting.onOff,
      meaning: "Accept another API key when the API does not report the team, so that the account cannot be compared"
    },
    strict: {
      ...Setting.onOff,
      meaning: "Read as much of the list as a proof needs, and fail with exit code 5 if completeness cannot be proven"
    },
    lookBack: {
      ...age,
      default: "1 day",
      meaning: "How much further back than the bookmark an incremental run reads, to catch late changes"
    },
    checkpointEvery: {
      ...duration,
      default: "10 seconds",
      meaning: "How often to save progress; a crash loses what was read since"
    },
    resumeWithin: { ...age, default: "6 hours", meaning: "Do not resume from a checkpoint older than this" },
    concurrency: { ...maybeCount, shown: "8", meaning: "Maximum number of concurrent requests" },
    pageSize: { ...maybeCount, shown: "chosen by the API", meaning: "Sessions to request per page" },
    maxRuntime: {
      schema: Setting.orNone(durationText({ min: 1 })),
      default: "",
      shown: "none",
      metavar: "duration",
      meaning: "Stop reading after this time and exit with code 143; pages in flight, and at least one page, are kept"
    },
    name: {
      ...text,
      shown: "the account, or else the destination",
      metavar: "name",
      meaning: "Name of this export in the metrics"
    },
    accountColumn: {
      ...Setting.onOff,
      meaning:
        "Write the account, or what --name says, as the first column, account, so that files of several can be joined"
    },
    metricsFile: {
      ...text,
      shown: "none",
      metavar: "file",
      meaning: "Write the outcome of each run for Prometheus' textfile collector"
    },
    notifyUrl: {
      schema: Setting.orNone(SecretUrlsText),
      default: "",
      shown: "none",
      separator: " ",
      metavar: "url",
      meaning:
        "POST the outcome of runs to this URL, such as a Slack webhook; may be repeated. Other users can see the arguments of a process, so prefer the variable, which takes several with spaces between them"
    },
    notifyOn: {
      schema: OutcomesText,
      default: defaultOutcomes.join(),
      separator: ",",
      metavar: "names",
      meaning: `What to POST about, of ${outcomes.join(", ")}`
    },
    staleAfter: {
      schema: Setting.orNone(durationText({ min: 1, max: MAX_AGE })),
      default: "",
      shown: "never",
      metavar: "duration",
      meaning:
        "Time without a success after which the export is stale: inspect then exits with code 5, and schedule logs and notifies"
    },
    heartbeatUrl: {
      schema: Setting.orNone(SecretUrlText),
      default: "",
      shown: "none",
      metavar: "url",
      meaning: "POST to <url>/start, then to <url> on success or <url>/<exit code> on failure; takes at most 5 seconds"
    }
  })
}

/** Which accounts are exported, for commands that work for many. */
export const accountSettings = Setting.record(PREFIX, {
  accounts: {
    ...text,
    shown: "none",
    metavar: "file",
    meaning:
      "TOML file of accounts: where the key of each is, and settings of its own; every account is exported by itself. {account} in --out, --work-dir, --name, --metrics-file, --heartbeat-url and --notify-url stands for its name"
  },
  only: { ...text, shown: "all", metavar: "names", meaning: "Export only these accounts, separated by commas" }
})

/** How many of the accounts are exported at a time. */
export const parallelSettings = Setting.record(PREFIX, {
  parallel: {
    schema: countText({ min: 1 }),
    default: "4",
    metavar: "n",
    meaning: "Maximum number of accounts that are exported at the same time"
  }
})

/** The settings of `schedule` alone. */
export const scheduleSettings = Setting.record(PREFIX, {
  cron: {
    ...text,
    shown: "",
    metavar: "expression",
    meaning: "When to run, such as '0 2 * * *' or @daily, in the time zone of --tz; required"
  },
  onMissed: {
    ...Setting.oneOf(["skip", "once"]),
    default: "once",
    meaning:
      "What to do about runs missed while a run was in progress or the machine was asleep: skip them, or make up for all of them with one run"
  },
  runAtStart: { ...Setting.onOff, meaning: "Also run once at startup" },
  jitter: { ...duration, default: "0", meaning: "Delay each run by a random time up to this" }
})

/** Where the queue of a fleet is. */
export const databaseSettings = Setting.record(PREFIX, {
  database: {
    schema: Setting.orNone(DatabaseUrlText),
    default: "",
    shown: "",
    metavar: "url",
    meaning:
      "PostgreSQL database that all workers share, such as postgres://user@host/database; required. Other users can see the arguments of a process, so prefer the variable for a URL with a password, or --database-file"
  },
  databaseFile: {
    ...text,
    shown: "none",
    metavar: "file",
    meaning: "File that holds the URL of --database, such as a mounted secret"
  },
  databaseSchema: {
    schema: SchemaName,
    default: "hb_sessions",
    metavar: "name",
    meaning: "Schema in the database for all tables of the fleet; created if it does not exist"
  }
})

/** Which accounts of a fleet something is for; the same variables as for a run. */
export const fleetSettings = {
  accounts: {
    ...accountSettings.accounts,
    meaning: "TOML file of accounts that the workers are given; without it, the accounts are those that workers know"
  },
  only: { ...accountSettings.only, meaning: "Only these accounts, separated by commas" }
}

/** The settings of `worker` alone. */
export const workerSettings = Setting.record(PREFIX, {
  gracePeriod: {
    schema: durationText({ min: 1 }),
    default: "20 seconds",
    metavar: "duration",
    meaning: "Time after SIGTERM to save checkpoints and hand back jobs; the worker exits at its end at the latest"
  },
  runRetries: {
    schema: countText(),
    default: "5",
    metavar: "n",
    meaning: "How often to retry a run after exit code 4, 74, 75 or 143; then the account has failed"
  },
  retryDelay: {
    ...duration,
    default: "30 seconds",
    meaning: "Delay of the first retry of a run, doubled for each further one up to 15 minutes"
  },
  metricsPort: {
    schema: Setting.orNone(countText({ max: 65_535 })),
    default: "",
    shown: "none",
    metavar: "port",
    meaning: "Listen here for /metrics, for Prometheus, and for the probes /healthz and /readyz; 0 for any free port"
  },
  metricsHost: {
    schema: Schema.NonEmptyString,
    default: "127.0.0.1",
    metavar: "address",
    meaning: "Address to listen at with --metrics-port; 0.0.0.0 for all, which a probe of Kubernetes needs"
  },
  fleetRate: {
    schema: RateText,
    default: "0",
    shown: "no limit",
    metavar: "n",
    meaning: "Maximum number of requests per second to one API host, of all workers together"
  }
})

/** The settings of `verify` alone. */
export const verifySettings = Setting.record(PREFIX, {
  expectGeneration: {
    ...maybeCount,
    shown: "any",
    meaning: "Fail if the published generation is older than this one, as printed by run"
  },
  expectDigest: {
    schema: Setting.orNone(Sha256),
    default: "",
    shown: "any",
    metavar: "sha256",
    meaning: "Fail if this is not the digest of that generation's manifest, or of any kept one"
  }
})

/** Every setting that has a variable. */
export const settings = {
  ...runSettings,
  ...accountSettings,
  ...parallelSettings,
  ...scheduleSettings,
  ...databaseSettings,
  ...workerSettings,
  ...verifySettings
}

/** What the settings file may hold: not its own name, and not what tells one state of a directory. */
const { config: _config, ...inFile } = { ...runSettings, ...scheduleSettings }
export const fileSettings = { ...inFile, ...clientSettings }

/** The flag of `run` that is no setting. */
export const dryRun = Flag.Boolean("dry-run").pipe(
  Flag.withDescription("Check the settings, the directory and the API key, and print what a run would do"),
  Flag.withDefault(false)
)
