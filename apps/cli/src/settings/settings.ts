/**
 * The settings: their names, where they can be given, and their defaults.
 */
import type { Setting } from "@hb-sessions/app-kit/SettingsFile"
import { durationText } from "@hb-sessions/core/SessionsConfig"
import * as Config from "effect/Config"
import * as Schema from "effect/Schema"
import { isZone } from "../terminal/times.ts"
import { consistencies, formatNames } from "./names.ts"

/** A setting as `config` and `doctor` show it. */
export interface CliSetting extends Setting {
  readonly config: Config.Config<unknown>
  /** The value without any other; as text. */
  readonly default: string
  readonly meaning: string
}

const positiveInt = (variable: string) =>
  Config.schema(Schema.NumberFromString.check(Schema.isInt(), Schema.isGreaterThanOrEqualTo(1)), variable)

const retries = Schema.NumberFromString.check(Schema.isInt(), Schema.isGreaterThanOrEqualTo(0))

const rate = Schema.FiniteFromString.check(Schema.isGreaterThan(0))

const httpUrl = Schema.URLFromString.check(
  Schema.makeFilter((url: URL) => url.protocol === "https:" || url.protocol === "http:", {
    expected: "an http or https URL"
  })
)

export const pageSize = positiveInt("HB_SESSIONS_PAGE_SIZE")

export const concurrency = positiveInt("HB_SESSIONS_CONCURRENCY").pipe(Config.withDefault(8))

export const consistency = Config.Literals(consistencies, "HB_SESSIONS_CONSISTENCY")

export const format = Config.Literals(formatNames, "HB_SESSIONS_FORMAT")

const zone = Schema.String.check(
  Schema.makeFilter(isZone, { expected: 'a time zone: UTC, local, or one such as "Europe/Paris"' })
)

/** The time zone of what people read. */
export const tz = Config.schema(zone, "HB_SESSIONS_TZ").pipe(Config.withDefault("UTC"))

/** Every setting but the key, by its name in a profile. */
export const settings = {
  base_url: {
    variable: "HYPERBROWSER_BASE_URL",
    config: Config.schema(httpUrl, "HYPERBROWSER_BASE_URL"),
    default: "https://api.hyperbrowser.ai",
    meaning: "where the API is served"
  },
  format: {
    variable: "HB_SESSIONS_FORMAT",
    config: format,
    default: "table in a terminal, ndjson elsewhere",
    meaning: "how `list` prints"
  },
  consistency: {
    variable: "HB_SESSIONS_CONSISTENCY",
    config: consistency,
    default: "verified",
    meaning: "whether a whole read goes on until nothing can be missing"
  },
  concurrency: {
    variable: "HB_SESSIONS_CONCURRENCY",
    config: positiveInt("HB_SESSIONS_CONCURRENCY"),
    default: "8",
    meaning: "most pages in flight"
  },
  page_size: {
    variable: "HB_SESSIONS_PAGE_SIZE",
    config: pageSize,
    default: "the server's",
    meaning: "sessions a page"
  },
  tz: {
    variable: "HB_SESSIONS_TZ",
    config: Config.schema(zone, "HB_SESSIONS_TZ"),
    default: "UTC",
    meaning: "time zone of the times in tables and YAML of a terminal, such as `local` or `Europe/Paris`"
  },
  attempt_timeout: {
    variable: "HB_SESSIONS_ATTEMPT_TIMEOUT",
    config: Config.schema(durationText({ min: 1 }), "HB_SESSIONS_ATTEMPT_TIMEOUT"),
    default: "30 seconds",
    meaning: "longest time for one request"
  },
  total_timeout: {
    variable: "HB_SESSIONS_TOTAL_TIMEOUT",
    config: Config.schema(durationText({ min: 1 }), "HB_SESSIONS_TOTAL_TIMEOUT"),
    default: "5 minutes",
    meaning: "longest time for one page, with its retries"
  },
  retries: {
    variable: "HB_SESSIONS_RETRIES",
    config: Config.schema(retries, "HB_SESSIONS_RETRIES"),
    default: "5",
    meaning: "attempts after the first"
  },
  max_retry_after: {
    variable: "HB_SESSIONS_MAX_RETRY_AFTER",
    config: Config.schema(durationText(), "HB_SESSIONS_MAX_RETRY_AFTER"),
    default: "1 minute",
    meaning: "longest `Retry-After` that is waited for"
  },
  max_requests_per_second: {
    variable: "HB_SESSIONS_MAX_REQUESTS_PER_SECOND",
    config: Config.schema(rate, "HB_SESSIONS_MAX_REQUESTS_PER_SECOND"),
    default: "no limit",
    meaning: "most requests a second"
  },
  max_body_bytes: {
    variable: "HB_SESSIONS_MAX_BODY_BYTES",
    config: positiveInt("HB_SESSIONS_MAX_BODY_BYTES"),
    default: "16777216",
    meaning: "longest body of an answer"
  }
} as const satisfies Record<string, CliSetting>

export type SettingName = keyof typeof settings

export const isSettingName = (name: string): name is SettingName => Object.hasOwn(settings, name)

/** The names, in the order in which they are shown. */
export const settingNames: ReadonlyArray<SettingName> = Object.keys(settings).filter(isSettingName)
