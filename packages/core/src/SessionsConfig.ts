/**
 * The settings of a client: their names, how they are typed, their defaults, and what they mean. The flags,
 * variables and files of every app are read by them.
 */
import * as Config from "effect/Config"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { clientDefaults } from "./internal/clientDefaults.ts"
import { productionUrl } from "./ListQuery.ts"
import * as SettingText from "./SettingText.ts"

/** A setting that is given as text. */
export interface ClientSetting<A> {
  /** The variable of the environment. */
  readonly variable: string
  readonly schema: Schema.Codec<A, string>
  /** The text that stands for it when there is none. */
  readonly default: string
  /** What that is called, if its text does not say. */
  readonly shown?: string
  readonly meaning: string
}

const setting = <A>(one: ClientSetting<A>): ClientSetting<A> => one

/** Every setting of a client but the key. */
export const clientSettings = {
  baseUrl: setting({
    variable: "HYPERBROWSER_BASE_URL",
    schema: SettingText.HttpUrlText,
    default: productionUrl,
    meaning: "Base URL of the API"
  }),
  attemptTimeout: setting({
    variable: "HB_SESSIONS_ATTEMPT_TIMEOUT",
    schema: SettingText.durationText({ min: 1 }),
    default: clientDefaults.attemptTimeout,
    meaning: "Timeout of one request"
  }),
  totalTimeout: setting({
    variable: "HB_SESSIONS_TOTAL_TIMEOUT",
    schema: SettingText.durationText({ min: 1 }),
    default: clientDefaults.totalTimeout,
    meaning: "Timeout of one page, retries included"
  }),
  retries: setting({
    variable: "HB_SESSIONS_RETRIES",
    schema: SettingText.countText(),
    default: String(clientDefaults.retries),
    meaning: "Maximum retries of a request"
  }),
  maxRetryAfter: setting({
    variable: "HB_SESSIONS_MAX_RETRY_AFTER",
    schema: SettingText.durationText(),
    default: clientDefaults.maxRetryAfter,
    meaning: "Longest `Retry-After` to wait for"
  }),
  maxRequestsPerSecond: setting({
    variable: "HB_SESSIONS_MAX_REQUESTS_PER_SECOND",
    schema: SettingText.RateText,
    default: "0",
    shown: "no limit",
    meaning: "Maximum requests per second; `0` for no limit"
  }),
  maxBodyBytes: setting({
    variable: "HB_SESSIONS_MAX_BODY_BYTES",
    schema: SettingText.sizeText({ min: 1 }),
    default: String(clientDefaults.maxBodyBytes),
    shown: "16m",
    meaning: "Maximum size of a response, decompressed"
  })
} as const

/** Reads a setting from its variable. */
export const configOf = <A>({ default: fallback, schema, variable }: ClientSetting<A>): Config.Config<A> =>
  Config.schema(schema, variable).pipe(Config.withDefault(Schema.decodeSync(schema)(fallback)))

/** The API key; white space around it is dropped, as a key read from a file often ends in a line break. */
export const apiKey = Config.Redacted("HYPERBROWSER_API_KEY").pipe(
  Config.map((key) => Redacted.make(Redacted.value(key).trim()))
)

/** The base URL of the API. */
export const baseUrl = configOf(clientSettings.baseUrl)

const clientSettingConfigs = {
  baseUrl,
  attemptTimeout: configOf(clientSettings.attemptTimeout),
  totalTimeout: configOf(clientSettings.totalTimeout),
  retries: configOf(clientSettings.retries),
  maxRetryAfter: configOf(clientSettings.maxRetryAfter),
  maxRequestsPerSecond: configOf(clientSettings.maxRequestsPerSecond),
  maxBodyBytes: configOf(clientSettings.maxBodyBytes)
}

/** Everything that a client can be told, as `SessionsClientOptions`. */
export const clientConfig = Config.all({ apiKey, ...clientSettingConfigs })

/** As `clientConfig`, for those who have the key from elsewhere. */
export const clientConfigWithoutKey = Config.all(clientSettingConfigs)
