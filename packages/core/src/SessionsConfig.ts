/**
 * The settings of a client as configuration, read from the environment unless another `ConfigProvider` is given.
 *
 * | variable | meaning | default |
 * | --- | --- | --- |
 * | `HYPERBROWSER_API_KEY` | the team's API key | required |
 * | `HYPERBROWSER_BASE_URL` | where the API is served | `https://api.hyperbrowser.ai` |
 * | `HB_SESSIONS_ATTEMPT_TIMEOUT` | longest time for one request | `30 seconds` |
 * | `HB_SESSIONS_TOTAL_TIMEOUT` | longest time for one page, with its retries | `5 minutes` |
 * | `HB_SESSIONS_RETRIES` | attempts after the first | `5` |
 * | `HB_SESSIONS_MAX_RETRY_AFTER` | longest `Retry-After` that is waited for | `1 minute` |
 * | `HB_SESSIONS_MAX_REQUESTS_PER_SECOND` | most requests a second, over all reads of a client | no limit |
 * | `HB_SESSIONS_MAX_BODY_BYTES` | longest body of an answer, after decompression | `16777216` |
 */
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { defaultMaxBodyBytes } from "./limitBodies.ts"
import { productionUrl } from "./SessionsApi.ts"

/** The API key; white space around it is dropped, as a key read from a file often ends in a line break. */
export const apiKey = Config.Redacted("HYPERBROWSER_API_KEY").pipe(
  Config.map((key) => Redacted.make(Redacted.value(key).trim()))
)

const HttpUrl = Schema.URLFromString.check(
  Schema.makeFilter((url: URL) => url.protocol === "https:" || url.protocol === "http:", {
    expected: "an http or https URL"
  })
)

/** Where the API is served. */
export const baseUrl = Config.schema(HttpUrl, "HYPERBROWSER_BASE_URL").pipe(Config.withDefault(new URL(productionUrl)))

const retries = Config.schema(
  Schema.NumberFromString.check(Schema.isInt(), Schema.isGreaterThanOrEqualTo(0)),
  "HB_SESSIONS_RETRIES"
)

const maxRequestsPerSecond = Config.schema(
  Schema.FiniteFromString.check(Schema.isGreaterThan(0)),
  "HB_SESSIONS_MAX_REQUESTS_PER_SECOND"
)

const maxBodyBytes = Config.schema(
  Schema.NumberFromString.check(Schema.isInt(), Schema.isGreaterThanOrEqualTo(1)),
  "HB_SESSIONS_MAX_BODY_BYTES"
)

/** Everything that a client can be told, as `SessionsClientOptions`. */
export const clientConfig = Config.all({
  apiKey,
  baseUrl,
  attemptTimeout: Config.Duration("HB_SESSIONS_ATTEMPT_TIMEOUT").pipe(Config.withDefault(Duration.seconds(30))),
  totalTimeout: Config.Duration("HB_SESSIONS_TOTAL_TIMEOUT").pipe(Config.withDefault(Duration.minutes(5))),
  retries: retries.pipe(Config.withDefault(5)),
  maxRetryAfter: Config.Duration("HB_SESSIONS_MAX_RETRY_AFTER").pipe(Config.withDefault(Duration.minutes(1))),
  maxBodyBytes: maxBodyBytes.pipe(Config.withDefault(defaultMaxBodyBytes)),
  rate: Config.option(maxRequestsPerSecond)
}).pipe(
  Config.map(({ rate, ...options }) =>
    Option.isSome(rate) ? { ...options, maxRequestsPerSecond: rate.value } : options
  )
)
