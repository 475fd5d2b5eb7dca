/**
 * The settings: their names, where they can be given, and their defaults.
 */
import type { Setting } from "@hb-sessions/app-kit/SettingsFile"
import { type ClientSetting, clientSettings } from "@hb-sessions/core/SessionsConfig"
import { countText } from "@hb-sessions/core/SettingText"
import * as Config from "effect/Config"
import * as Schema from "effect/Schema"
import { isZone } from "../output/times.ts"
import { consistencies, formatNames } from "./names.ts"

/** A setting as `config` and `doctor` show it. */
export interface CliSetting extends Setting {
  readonly config: Config.Config<unknown>
  /** The value without any other; as text. */
  readonly default: string
  readonly meaning: string
}

const positiveInt = (variable: string) => Config.schema(countText({ min: 1 }), variable)

/** A setting of core's client. */
const ofClient = <A>({
  default: fallback,
  meaning,
  schema,
  shown = fallback,
  variable
}: ClientSetting<A>): CliSetting => ({
  variable,
  config: Config.schema(schema, variable),
  default: shown,
  meaning
})

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
  base_url: ofClient(clientSettings.baseUrl),
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
  attempt_timeout: ofClient(clientSettings.attemptTimeout),
  total_timeout: ofClient(clientSettings.totalTimeout),
  retries: ofClient(clientSettings.retries),
  max_retry_after: ofClient(clientSettings.maxRetryAfter),
  max_requests_per_second: ofClient(clientSettings.maxRequestsPerSecond),
  max_body_bytes: ofClient(clientSettings.maxBodyBytes)
} as const satisfies Record<string, CliSetting>

export type SettingName = keyof typeof settings

export const isSettingName = (name: string): name is SettingName => Object.hasOwn(settings, name)

/** The names, in the order in which they are shown. */
export const settingNames: ReadonlyArray<SettingName> = Object.keys(settings).filter(isSettingName)
