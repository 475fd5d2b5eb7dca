/**
 * The settings: each can be a variable and a key of a profile, and some are flags.
 */
import * as Setting from "@hb-sessions/app-kit/Setting"
import { isTimeZone } from "@hb-sessions/app-kit/TimeExpression"
import { clientSettings } from "@hb-sessions/core/SessionsConfig"
import { countText } from "@hb-sessions/core/SettingText"
import * as Schema from "effect/Schema"
import { LOCAL } from "../output/times.ts"

export const formatNames = ["table", "json", "ndjson", "csv", "tsv", "yaml"] as const

export type FormatName = (typeof formatNames)[number]

const zone = Schema.String.check(
  Schema.makeFilter((name: string) => name === LOCAL || isTimeZone(name), {
    expected: 'a time zone: UTC, local, or one such as "Europe/Paris"'
  })
)

const { baseUrl, ...ofClient } = clientSettings

/** Every setting but the key. */
export const settings = {
  baseUrl: { ...baseUrl, metavar: "<url>" },
  ...Setting.record("HB_SESSIONS_", {
    format: {
      schema: Setting.orNone(Schema.Literals(formatNames)),
      choices: formatNames,
      default: "",
      shown: "table in a terminal, ndjson elsewhere",
      alias: "f",
      meaning: "Output format"
    },
    consistency: {
      ...Setting.oneOf(["verified", "fast"]),
      default: "verified",
      meaning: "verified: read until the list is proven complete; fast: read it once"
    },
    concurrency: { schema: countText({ min: 1 }), default: "8", metavar: "<n>", meaning: "Maximum pages in flight" },
    pageSize: {
      schema: Setting.orNone(countText({ min: 1 })),
      default: "",
      shown: "the server's",
      metavar: "<n>",
      meaning: "Sessions per page; the server may ignore it"
    },
    tz: {
      schema: zone,
      default: "UTC",
      metavar: "<zone>",
      meaning: "Time zone of the times in a table: local, or one such as Europe/Paris"
    }
  }),
  ...ofClient
}

/** The settings by their keys in a profile: `base_url` for `baseUrl`. */
export const byKey = Setting.byFileKey(settings)
