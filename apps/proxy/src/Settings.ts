/**
 * Every setting of `serve`: a flag, a variable of the environment, a default.
 */
import * as Flag from "effect/cli/Flag"
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaIssue from "effect/SchemaIssue"
import { levels } from "./AccessLog.ts"

/** The default port. */
export const defaultPort = 8080

const SHORT = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/
const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Reads `90d`, `12h`, `30s`, `250ms`, and what Effect calls a duration: `90 days`. */
export const parseDuration = (text: string): Option.Option<Duration.Duration> => {
  const short = SHORT.exec(text.trim())
  if (short !== null) return Option.some(Duration.millis(Number(short[1]) * (UNITS[short[2] ?? ""] ?? 0)))
  return Option.flatMap(
    Schema.decodeOption(Schema.DurationFromString)(text.trim()),
    Option.liftPredicate(Duration.isFinite)
  )
}

/** Schema for durations as they are typed. */
export const DurationText = Schema.String.pipe(
  Schema.decodeTo(Schema.Duration, {
    decode: SchemaGetter.transformEffect((text: string, options) =>
      Effect.mapError(
        Effect.fromOption(parseDuration(text)),
        () => new SchemaIssue.InvalidValue({ expected: "a duration such as 30s, 15m or 90d" }, text, options)
      )
    ),
    encode: SchemaGetter.transform((duration: Duration.Duration) => `${Duration.toMillis(duration)}ms`)
  })
)

const wholeNumber = (minimum: number, maximum: number, expected: string) =>
  Schema.NumberFromString.check(Schema.isInt(), Schema.isBetween({ minimum, maximum }, { message: expected }))

const Port = wholeNumber(0, 65_535, "must be a port number from 0 to 65535")
const Count = wholeNumber(1, 1_000_000, "must be a whole number from 1 on")
const CountOrNone = wholeNumber(0, 1_000_000, "must be a whole number from 0 on")
const Rate = Schema.FiniteFromString.check(Schema.isGreaterThanOrEqualTo(0))

const SIZE = /^(\d+)(k|m|g)?b?$/i
const SIZE_UNITS: Record<string, number> = { "": 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }

const Size = Schema.String.pipe(
  Schema.decodeTo(Schema.Int, {
    decode: SchemaGetter.transformEffect((text: string, options) => {
      const match = SIZE.exec(text.trim())
      return match === null
        ? Effect.fail(new SchemaIssue.InvalidValue({ expected: "a size such as 64m" }, text, options))
        : Effect.succeed(Number(match[1]) * (SIZE_UNITS[(match[2] ?? "").toLowerCase()] ?? 1))
    }),
    encode: SchemaGetter.transform(String)
  })
)

const Origins = Schema.String.pipe(
  Schema.decodeTo(Schema.Array(Schema.String), {
    decode: SchemaGetter.transformEffect((text: string, options) => {
      const origins = text
        .split(",")
        .map((origin) => origin.trim())
        .filter((origin) => origin !== "")
      return origins.every(
        (origin) => Result.isSuccess(Result.try(() => new URL(origin))) && new URL(origin).origin === origin
      )
        ? Effect.succeed(origins)
        : Effect.fail(
            new SchemaIssue.InvalidValue(
              { expected: "origins such as https://app.example, separated by commas" },
              text,
              options
            )
          )
    }),
    encode: SchemaGetter.transform((origins: ReadonlyArray<string>) => origins.join(","))
  })
)

const PREFIX = "HB_SESSIONS_PROXY_"

/** One row of the table of settings. */
export interface SettingRow {
  readonly flag: string
  readonly env: string
  readonly meaning: string
  readonly default: string
}

/** Every setting, for the documents. */
export const rows: Array<SettingRow> = []

const setting = <A>(
  name: string,
  options: {
    readonly schema: Schema.Codec<A, string>
    readonly default: string
    readonly meaning: string
    readonly metavar: string
    /** Another name than the one that follows from the flag's. */
    readonly env?: string
    /** What the default is called, if its text does not say. */
    readonly shown?: string
    readonly alias?: string
  }
): Flag.Flag<A> => {
  const env = options.env ?? PREFIX + name.toUpperCase().replaceAll("-", "_")
  const shown = options.shown ?? options.default
  rows.push({ flag: `--${name}`, env, meaning: options.meaning, default: shown })
  const flag = Flag.String(name).pipe(Flag.withMetavar(options.metavar))
  return (options.alias === undefined ? flag : Flag.withAlias(flag, options.alias)).pipe(
    Flag.withDescription(`${options.meaning} (default: ${shown}; env: ${env})`),
    Flag.withSchema(options.schema),
    Flag.withFallbackConfig(Config.schema(options.schema, env)),
    Flag.withDefault(Schema.decodeSync(options.schema)(options.default))
  )
}

const orNone = <A>(schema: Schema.Codec<A, string>): Schema.Codec<A | undefined, string> => {
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

const withoutTokens = Flag.Boolean("without-tokens").pipe(
  Flag.withDescription("Let everybody in who reaches the port; only on a loopback address (default: false)"),
  Flag.withDefault(false)
)
rows.push({
  flag: "--without-tokens",
  env: "",
  meaning: "Let everybody in who reaches the port; only on a loopback address",
  default: "false"
})

const strictUpstream = Flag.Boolean("strict-upstream").pipe(
  Flag.withDescription(
    `Answer 502 instead of passing on a page that does not fit the contract (default: false; env: ${PREFIX}STRICT_UPSTREAM)`
  ),
  Flag.withFallbackConfig(Config.Boolean(`${PREFIX}STRICT_UPSTREAM`)),
  Flag.withDefault(false)
)
rows.push({
  flag: "--strict-upstream",
  env: `${PREFIX}STRICT_UPSTREAM`,
  meaning: "Answer 502 instead of passing on a page that does not fit the contract",
  default: "false"
})

/** The flags of `serve`. */
export const flags = {
  port: setting("port", {
    schema: Port,
    default: String(defaultPort),
    meaning: "Port to listen on; 0 takes a free one",
    metavar: "number",
    alias: "p"
  }),
  host: setting("host", {
    schema: Schema.NonEmptyString,
    default: "127.0.0.1",
    meaning: "Address to listen on; 0.0.0.0 for every network",
    metavar: "address"
  }),
  adminPort: setting("admin-port", {
    schema: orNone(Port),
    default: "",
    shown: "the port after --port, or a free one",
    meaning: "Port of /healthz, /readyz and /metrics; 0 takes a free one",
    metavar: "number"
  }),
  adminHost: setting("admin-host", {
    schema: Schema.NonEmptyString,
    default: "127.0.0.1",
    meaning: "Address of the admin listener, which asks for no token",
    metavar: "address"
  }),
  tokensFile: setting("tokens-file", {
    schema: orNone(Schema.NonEmptyString),
    default: "",
    shown: "none",
    meaning: "File with the hashes of the tokens; made by token create",
    metavar: "file"
  }),
  withoutTokens,
  corsOrigins: setting("cors-origins", {
    schema: orNone(Origins),
    default: "",
    shown: "none",
    meaning: "Origins whose pages may ask, separated by commas",
    metavar: "origins"
  }),
  strictUpstream,
  cacheFresh: setting("cache-fresh", {
    schema: DurationText,
    default: "2s",
    meaning: "How long an answer is given without asking the upstream",
    metavar: "duration"
  }),
  cacheStale: setting("cache-stale", {
    schema: DurationText,
    default: "30s",
    meaning: "How long after that it is given while a new one is fetched",
    metavar: "duration"
  }),
  cacheError: setting("cache-error", {
    schema: DurationText,
    default: "5m",
    meaning: "How long after being fresh it is given while the upstream fails",
    metavar: "duration"
  }),
  cacheBytes: setting("cache-bytes", {
    schema: Size,
    default: "64m",
    meaning: "Memory for answers; 0 keeps none",
    metavar: "size"
  }),
  rate: setting("rate", {
    schema: Rate,
    default: "100",
    meaning: "Requests a second of one token; 0 for no limit",
    metavar: "number"
  }),
  burst: setting("burst", {
    schema: Count,
    default: "200",
    meaning: "Requests of one token at once",
    metavar: "number"
  }),
  maxConcurrent: setting("max-concurrent", {
    schema: Count,
    default: "256",
    meaning: "Requests that may wait for the upstream; further ones get 503",
    metavar: "number"
  }),
  maxStreams: setting("max-streams", {
    schema: Count,
    default: "8",
    meaning: "Whole lists, lookups and sums that may run; further ones get 503",
    metavar: "number"
  }),
  maxConnections: setting("max-connections", {
    schema: Count,
    default: "10000",
    meaning: "Open connections; further ones are closed",
    metavar: "number"
  }),
  upstreamRate: setting("upstream-rate", {
    schema: Rate,
    default: "20",
    env: "HB_SESSIONS_MAX_REQUESTS_PER_SECOND",
    meaning: "Requests a second to the upstream, of everybody together; 0 for no limit",
    metavar: "number"
  }),
  upstreamConcurrency: setting("upstream-concurrency", {
    schema: Count,
    default: "16",
    meaning: "Requests to the upstream at one time",
    metavar: "number"
  }),
  readConcurrency: setting("read-concurrency", {
    schema: Count,
    default: "4",
    meaning: "Pages that one whole list asks for at one time",
    metavar: "number"
  }),
  retries: setting("retries", {
    schema: CountOrNone,
    default: "2",
    env: "HB_SESSIONS_RETRIES",
    meaning: "Attempts after the first, as far as the retry budget of all requests allows",
    metavar: "number"
  }),
  maxRetryAfter: setting("max-retry-after", {
    schema: DurationText,
    default: "5s",
    env: "HB_SESSIONS_MAX_RETRY_AFTER",
    meaning: "Longest Retry-After of the upstream that is waited for",
    metavar: "duration"
  }),
  attemptTimeout: setting("attempt-timeout", {
    schema: DurationText,
    default: "10s",
    env: "HB_SESSIONS_ATTEMPT_TIMEOUT",
    meaning: "Longest time for one request to the upstream",
    metavar: "duration"
  }),
  deadline: setting("deadline", {
    schema: DurationText,
    default: "25s",
    env: "HB_SESSIONS_TOTAL_TIMEOUT",
    meaning: "Longest time for one page, retries and waits included",
    metavar: "duration"
  }),
  readTimeout: setting("read-timeout", {
    schema: DurationText,
    default: "15m",
    meaning: "Longest time for a whole list, a lookup or a sum",
    metavar: "duration"
  }),
  breakerFailures: setting("breaker-failures", {
    schema: Count,
    default: "5",
    meaning: "Failures of the upstream in a row after which it is left alone",
    metavar: "number"
  }),
  breakerOpen: setting("breaker-open", {
    schema: DurationText,
    default: "5s",
    meaning: "How long it is left alone",
    metavar: "duration"
  }),
  headerTimeout: setting("header-timeout", {
    schema: DurationText,
    default: "10s",
    meaning: "Longest time for a request to arrive",
    metavar: "duration"
  }),
  clientTimeout: setting("client-timeout", {
    schema: DurationText,
    default: "60s",
    meaning: "Longest time without a byte on a connection that is being answered",
    metavar: "duration"
  }),
  keepAlive: setting("keep-alive", {
    schema: DurationText,
    default: "65s",
    meaning: "How long a connection is kept between requests; longer than that of a balancer in front",
    metavar: "duration"
  }),
  drain: setting("drain", {
    schema: DurationText,
    default: "2s",
    meaning: "How long new connections are still accepted after SIGTERM, if there are any",
    metavar: "duration"
  }),
  grace: setting("grace", {
    schema: DurationText,
    default: "30s",
    meaning: "How long requests may take to finish after that",
    metavar: "duration"
  }),
  accessLog: setting("access-log", {
    schema: Schema.Literals(levels),
    default: "all",
    meaning: `Which answers are logged on stderr: ${levels.join(", ")}`,
    metavar: "level"
  })
}

/** The settings of a server, apart from those that say where it listens. */
export interface Settings {
  readonly port: number
  readonly host: string
  readonly adminPort: number | undefined
  readonly adminHost: string
  readonly tokensFile: string | undefined
  readonly withoutTokens: boolean
  readonly corsOrigins: ReadonlyArray<string> | undefined
  readonly strictUpstream: boolean
  readonly cacheFresh: Duration.Duration
  readonly cacheStale: Duration.Duration
  readonly cacheError: Duration.Duration
  readonly cacheBytes: number
  readonly rate: number
  readonly burst: number
  readonly maxConcurrent: number
  readonly maxStreams: number
  readonly maxConnections: number
  readonly upstreamRate: number
  readonly upstreamConcurrency: number
  readonly readConcurrency: number
  readonly retries: number
  readonly maxRetryAfter: Duration.Duration
  readonly attemptTimeout: Duration.Duration
  readonly deadline: Duration.Duration
  readonly readTimeout: Duration.Duration
  readonly breakerFailures: number
  readonly breakerOpen: Duration.Duration
  readonly headerTimeout: Duration.Duration
  readonly clientTimeout: Duration.Duration
  readonly keepAlive: Duration.Duration
  readonly drain: Duration.Duration
  readonly grace: Duration.Duration
  readonly accessLog: (typeof levels)[number]
}
