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
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaIssue from "effect/SchemaIssue"
import { defaultMaxBodyBytes } from "./limitBodies.ts"
import { productionUrl } from "./ListQuery.ts"

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

/** How long a timer of JavaScript can run, in milliseconds: 24.8 days. */
const MAX_TIMER = 2 ** 31 - 1

const DURATION =
  /^(\d+(?:\.\d+)?)\s*(?:(ms|milli(?:second)?s?)|(s|seconds?)|(m|minutes?)|(h|hours?)|(d|days?)|(w|weeks?))$/

const unitMillis = [1, 1000, 60_000, 3_600_000, 86_400_000, 604_800_000]

/**
 * Schema for durations as people type them: `250ms`, `30s`, `15m`, `12h`, `90d` or `2w`, also with the name of the unit,
 * such as `30 seconds`; and `0`.
 *
 * **Details**
 *
 * A duration is a whole number of milliseconds from `min` on, by default 0, up to `max`, by default 24.8 days, which is
 * as long as a timer can run. What is negative, infinite or of another form fails to decode, with a message that names
 * the bounds.
 */
export const durationText = ({ max = MAX_TIMER, min = 0 }: { readonly min?: number; readonly max?: number } = {}) => {
  const bounds = `a duration such as 30s, 15m or 90d, ${min === 0 ? "" : `from ${shown(min)} on, `}at most ${shown(max)}`
  return Schema.String.pipe(
    Schema.decodeTo(Schema.Duration, {
      decode: SchemaGetter.transformEffect((text: string, options) => {
        const millis = millisOf(text.trim())
        // Some decimal fractions have none in binary.
        const whole = Math.round(millis)
        const expected = Math.abs(millis - whole) > 1e-4 ? `${bounds}, in whole milliseconds` : bounds
        return Math.abs(millis - whole) <= 1e-4 && whole >= min && whole <= max
          ? Effect.succeed(Duration.millis(whole))
          : Effect.fail(new SchemaIssue.InvalidValue({ expected }, text, options))
      }),
      encode: SchemaGetter.transform((duration: Duration.Duration) => `${Duration.toMillis(duration)}ms`)
    })
  )
}

const millisOf = (text: string): number => {
  // Nothing needs no unit.
  if (text === "0") return 0
  const [, number, ...units] = DURATION.exec(text) ?? []
  const unit = unitMillis[units.findIndex((name) => name !== undefined)]
  return unit === undefined ? Number.NaN : Number(number) * unit
}

const shown = (millis: number): string => (millis < 1000 ? `${millis}ms` : `${Math.floor(millis / 86_400_000)} days`)

const timeout = (variable: string, min: number) => Config.schema(durationText({ min }), variable)

/** Everything that a client can be told, as `SessionsClientOptions`. */
export const clientConfig = Config.all({
  apiKey,
  baseUrl,
  attemptTimeout: timeout("HB_SESSIONS_ATTEMPT_TIMEOUT", 1).pipe(Config.withDefault(Duration.seconds(30))),
  totalTimeout: timeout("HB_SESSIONS_TOTAL_TIMEOUT", 1).pipe(Config.withDefault(Duration.minutes(5))),
  retries: retries.pipe(Config.withDefault(5)),
  maxRetryAfter: timeout("HB_SESSIONS_MAX_RETRY_AFTER", 0).pipe(Config.withDefault(Duration.minutes(1))),
  maxBodyBytes: maxBodyBytes.pipe(Config.withDefault(defaultMaxBodyBytes)),
  rate: Config.option(maxRequestsPerSecond)
}).pipe(
  Config.map(({ rate, ...options }) =>
    Option.isSome(rate) ? { ...options, maxRequestsPerSecond: rate.value } : options
  )
)
