/**
 * The flags of the commands, with their help.
 */
import * as Flag from "effect/cli/Flag"
import * as Option from "effect/Option"
import { defaultOutcomes, outcomes } from "../operations/Notification.ts"
import { logFormats, onMissed } from "./configs.ts"
import { compressions, dialects, formats, modes, partitions } from "./Selection.ts"

const described = <A>(flag: Flag.Flag<A>, description: string) =>
  flag.pipe(Flag.withDescription(description), Flag.optional)

const value = (name: string, metavar: string, description: string) =>
  described(Flag.String(name).pipe(Flag.withMetavar(metavar)), description)

/** A flag that may be repeated: its values with spaces between them, and nothing if one of them is. */
const several = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(
    Flag.withMetavar(metavar),
    Flag.withDescription(description),
    Flag.atLeast(0),
    Flag.map((values) =>
      values.length === 0 ? Option.none<string>() : Option.some(values.includes("") ? "" : values.join(" "))
    )
  )

/** The flag that names the directory. */
export const outFlags = {
  out: described(
    Flag.String("out").pipe(Flag.withAlias("o"), Flag.withMetavar("place")),
    "Where to publish: a directory, created if it does not exist, or s3://bucket/prefix (required)"
  ),
  config: described(
    Flag.String("config").pipe(Flag.withMetavar("file")),
    "TOML file with any of these settings, such as page_size = 100; flags and environment variables take precedence"
  )
}

/** The flags of a run. */
export const flags = {
  ...outFlags,
  mode: described(
    Flag.Literals("mode", modes),
    "snapshot: all sessions in every run (default). incremental: only sessions that are new or changed since the last run"
  ),
  "full-refresh": described(
    Flag.Boolean("full-refresh"),
    "Start over and replace what is published, even with other settings or from another account"
  ),
  "full-every": value(
    "full-every",
    "duration",
    "How often an incremental run reads the whole list, to find changes that partial reads cannot; or never (default: 7 days)"
  ),
  "compact-after": described(
    Flag.Int("compact-after").pipe(Flag.withMetavar("n")),
    "Compact an incremental export after this many generations with data, or when half of its rows are superseded: one file with the latest version of each session; 0 for never (default: 30)"
  ),
  format: described(
    Flag.Literals("format", formats),
    "Format of the files; parquet: columns with types (default: csv)"
  ),
  compress: described(
    Flag.Literals("compress", compressions),
    "Compression of the files, inside of them with parquet; snappy is for parquet only (default: none; zstd with parquet)"
  ),
  columns: value(
    "columns",
    "names",
    "Columns to write, in order, separated by commas: any key by its path, or '*' for all (default: all of the contract)"
  ),
  dialect: described(
    Flag.Literals("dialect", dialects),
    "spreadsheet: prefix text that a spreadsheet would run as a formula with an apostrophe (default: plain)"
  ),
  partition: described(
    Flag.Literals("partition", partitions),
    "Write one file per day or month of createdAt (default: none)"
  ),
  tz: value("tz", "zone", "Time zone of days, months and the schedule, such as Europe/Paris (default: UTC)"),
  status: value(
    "status",
    "names",
    "Only sessions with these statuses, such as closed,error,close-error; filtered locally, not by the API"
  ),
  since: value("since", "time", "Only sessions created at or after this time, such as 7d, yesterday or 2026-01-31"),
  until: value("until", "time", "Only sessions created before this time"),
  keep: described(
    Flag.Int("keep").pipe(Flag.withMetavar("n")),
    "Generations to keep on disk, at least 2, so that readers of the previous manifest still find its files (default: 2)"
  ),
  "keep-for": value("keep-for", "duration", "Also keep generations younger than this, such as '30 days' (default: 0)"),
  "min-share": value(
    "min-share",
    "percent",
    "Fail with exit code 5 and publish nothing if fewer sessions than this share of the last generation remain, or none (default: 50)"
  ),
  "max-quarantine": value(
    "max-quarantine",
    "percent",
    "Fail with exit code 7 and publish nothing if more than this share of the rows are not sessions; up to it, they are written to quarantine.ndjson (default: 0.1)"
  ),
  "allow-shrink": described(Flag.Boolean("allow-shrink"), "Publish even if the export shrank below --min-share"),
  "accept-account-change": described(
    Flag.Boolean("accept-account-change"),
    "Accept another API key when the API does not report the team, so that the account cannot be compared"
  ),
  strict: described(
    Flag.Boolean("strict"),
    "Read as much of the list as a proof needs, and fail with exit code 5 if completeness cannot be proven"
  ),
  "look-back": value(
    "look-back",
    "duration",
    "How much further back than the bookmark an incremental run reads, to catch late changes (default: 1 day)"
  ),
  "checkpoint-every": value(
    "checkpoint-every",
    "duration",
    "How often to save progress; a crash loses what was read since (default: 10 seconds)"
  ),
  "resume-within": value(
    "resume-within",
    "duration",
    "Do not resume from a checkpoint older than this (default: 6 hours)"
  ),
  "take-over-after": value(
    "take-over-after",
    "duration",
    "Take over from a run that has shown no activity for this long (default: 10 minutes, 1 minute with s3://)"
  ),
  "work-dir": value(
    "work-dir",
    "directory",
    "With s3://, where runs work; a run that was stopped is resumed only if it is still there (default: a temporary directory)"
  ),
  concurrency: described(
    Flag.Int("concurrency").pipe(Flag.withMetavar("n")),
    "Maximum number of concurrent requests (default: 8)"
  ),
  "page-size": described(
    Flag.Int("page-size").pipe(Flag.withMetavar("n")),
    "Sessions to request per page (default: chosen by the API)"
  ),
  "max-runtime": value(
    "max-runtime",
    "duration",
    "Stop reading after this time and exit with code 143; pages in flight, and at least one page, are kept (default: none)"
  ),
  name: value("name", "name", "Name of this export in the metrics (default: the account, or else the destination)"),
  "account-column": described(
    Flag.Boolean("account-column"),
    "Write the account, or what --name says, as the first column, account, so that files of several can be joined"
  ),
  "metrics-file": value("metrics-file", "file", "Write the outcome of each run for Prometheus' textfile collector"),
  "heartbeat-url": value(
    "heartbeat-url",
    "url",
    "POST to <url>/start, then to <url> on success or <url>/<exit code> on failure; takes at most 5 seconds"
  ),
  "notify-url": several(
    "notify-url",
    "url",
    "POST to this URL how runs end, such as to a webhook of Slack; may be repeated. Others see the arguments of a process: HB_SESSIONS_EXPORT_NOTIFY_URL takes it too, or several with spaces between them"
  ),
  "notify-on": value(
    "notify-on",
    "names",
    `What to POST about, of ${outcomes.join(", ")} (default: ${defaultOutcomes.join()})`
  ),
  "stale-after": value(
    "stale-after",
    "duration",
    "The export is stale when this time has passed without a success; inspect exits with code 5 then, schedule logs it and notifies"
  ),
  "log-format": described(Flag.Literals("log-format", logFormats), "Format of the log on stderr (default: text)")
}

/** The flags that `compact` shares with a run. */
export const compactFlags = {
  keep: flags.keep,
  "keep-for": flags["keep-for"],
  "take-over-after": flags["take-over-after"],
  "work-dir": flags["work-dir"],
  "log-format": flags["log-format"]
}

/** The flags of commands that work for many accounts. */
export const accountFlags = {
  accounts: value(
    "accounts",
    "file",
    "TOML file of accounts: where the key of each is, and settings of its own; every account is exported by itself. {account} in --out, --work-dir, --name, --metrics-file, --heartbeat-url and --notify-url stands for its name"
  ),
  only: value("only", "names", "Only these accounts, separated by commas")
}

/** How many of the accounts are exported at a time. */
export const parallelFlags = {
  parallel: described(
    Flag.Int("parallel").pipe(Flag.withMetavar("n")),
    "Maximum number of accounts that are exported at the same time (default: 4)"
  )
}

/** The flags of `run` alone. */
export const runFlags = {
  "dry-run": Flag.Boolean("dry-run").pipe(
    Flag.withDescription("Check the settings, the directory and the API key, and print what a run would do"),
    Flag.withDefault(false)
  )
}

/** The flags of `schedule` alone. */
export const scheduleFlags = {
  cron: value("cron", "expression", "When to run, such as '0 2 * * *' or @daily, in the time zone of --tz (required)"),
  "on-missed": described(
    Flag.Literals("on-missed", onMissed),
    "What to do about runs missed while a run was in progress or the machine was asleep: skip them, or make up for all of them with one run (default: once)"
  ),
  "run-at-start": described(Flag.Boolean("run-at-start"), "Also run once at startup"),
  jitter: value("jitter", "duration", "Delay each run by a random time up to this (default: 0)")
}

/** The flags of `verify` alone. */
export const verifyFlags = {
  "expect-generation": described(
    Flag.Int("expect-generation").pipe(Flag.withMetavar("n")),
    "Fail if the published generation is older than this one, as printed by run"
  ),
  "expect-digest": value(
    "expect-digest",
    "sha256",
    "Fail if this is not the digest of that generation's manifest, or of any kept one"
  )
}
