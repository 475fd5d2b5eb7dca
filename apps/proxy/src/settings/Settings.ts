/**
 * Every setting of `serve`.
 */
import type * as Flag from "effect/cli/Flag"
import { type ClientSetting, clientSettings } from "@hb-sessions/core/SessionsConfig"
import { RateText } from "@hb-sessions/core/SettingText"
import * as Schema from "effect/Schema"
import { levels } from "../operations/AccessLog.ts"
import { onOff, setting } from "./Setting.ts"
import { Count, DurationText, Names, orNone, Origins, Port, Size, StaleTokens, TimeLimit } from "./SettingValues.ts"

/** The default port. */
const defaultPort = 8080

/** The variable and the form of a setting of core's client; the proxy has defaults of its own. */
const ofClient = <A>({ schema, variable }: ClientSetting<A>) => ({ schema, env: variable })

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
  staleTokens: setting("stale-tokens", {
    schema: StaleTokens,
    default: "15m",
    meaning: "How long tokens stay valid while their file cannot be read; after that requests get 503",
    metavar: "duration"
  }),
  withoutTokens: onOff("without-tokens", {
    meaning: "Serve every caller that reaches the port; only on a loopback address"
  }),
  allowedHosts: setting("allowed-hosts", {
    schema: orNone(Names),
    default: "",
    shown: "none",
    meaning:
      "Further names, besides loopback ones, that Host may hold where no token is asked for, separated by commas",
    metavar: "names"
  }),
  corsOrigins: setting("cors-origins", {
    schema: orNone(Origins),
    default: "",
    shown: "none",
    meaning: "Origins whose pages may read the answers, separated by commas",
    metavar: "origins"
  }),
  strictUpstream: onOff("strict-upstream", {
    meaning: "Answer 502 instead of passing on a page that does not fit the contract",
    env: "HB_SESSIONS_PROXY_STRICT_UPSTREAM"
  }),
  cacheFresh: setting("cache-fresh", {
    schema: DurationText,
    default: "2s",
    meaning: "How long an answer is served without asking the upstream",
    metavar: "duration"
  }),
  cacheStale: setting("cache-stale", {
    schema: DurationText,
    default: "30s",
    meaning: "How long after that it is served while a new one is fetched",
    metavar: "duration"
  }),
  cacheError: setting("cache-error", {
    schema: DurationText,
    default: "5m",
    meaning: "How long after --cache-fresh it is served while the upstream fails",
    metavar: "duration"
  }),
  cachePatience: setting("cache-patience", {
    schema: DurationText,
    default: "2s",
    meaning: "How long a fetch may take before an answer within --cache-error is served in its place",
    metavar: "duration"
  }),
  cacheNegative: setting("cache-negative", {
    schema: DurationText,
    default: "5s",
    meaning: "How long a 400 of the upstream and a session that was not found are cached",
    metavar: "duration"
  }),
  cacheBytes: setting("cache-bytes", {
    schema: Size,
    default: "64m",
    meaning: "Memory for cached answers, overhead included; 0 for no cache",
    metavar: "size"
  }),
  rate: setting("rate", {
    schema: RateText,
    default: "100",
    meaning: "Requests a second of each token; 0 for no limit",
    metavar: "number"
  }),
  burst: setting("burst", {
    schema: Count,
    default: "200",
    meaning: "Requests that each token may send at once",
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
    meaning: "Whole lists, lookups and statistics that may run; further ones get 503",
    metavar: "number"
  }),
  maxConnections: setting("max-connections", {
    schema: Count,
    default: "10000",
    meaning: "Open connections; further ones are closed",
    metavar: "number"
  }),
  maxQueued: setting("max-queued", {
    schema: Size,
    default: "64m",
    meaning: "Bytes that may wait for clients that do not read; beyond them the worst connections are dropped",
    metavar: "size"
  }),
  upstreamRate: setting("upstream-rate", {
    ...ofClient(clientSettings.maxRequestsPerSecond),
    default: "20",
    meaning: "Requests a second to the upstream, of all tokens together; 0 for no limit",
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
    ...ofClient(clientSettings.retries),
    default: "2",
    meaning: "Attempts after the first, within the retry budget of all requests",
    metavar: "number"
  }),
  maxRetryAfter: setting("max-retry-after", {
    ...ofClient(clientSettings.maxRetryAfter),
    default: "5s",
    meaning: "Longest Retry-After of the upstream that is waited for",
    metavar: "duration"
  }),
  maxBodyBytes: setting("max-body-bytes", {
    ...ofClient(clientSettings.maxBodyBytes),
    default: "16m",
    meaning: "Longest body of the upstream; a longer one is cut and answered with 502",
    metavar: "size"
  }),
  attemptTimeout: setting("attempt-timeout", {
    ...ofClient(clientSettings.attemptTimeout),
    default: "10s",
    meaning: "Longest time for one request to the upstream",
    metavar: "duration"
  }),
  deadline: setting("deadline", {
    ...ofClient(clientSettings.totalTimeout),
    default: "25s",
    meaning: "Longest time for one page, retries and waits included",
    metavar: "duration"
  }),
  readTimeout: setting("read-timeout", {
    schema: TimeLimit,
    default: "15m",
    meaning: "Longest time for a whole list, a lookup or statistics",
    metavar: "duration"
  }),
  breakerFailures: setting("breaker-failures", {
    schema: Count,
    default: "5",
    meaning: "Failures of the upstream in a row that open the circuit",
    metavar: "number"
  }),
  breakerOpen: setting("breaker-open", {
    schema: DurationText,
    default: "5s",
    meaning: "How long the circuit stays open",
    metavar: "duration"
  }),
  headerTimeout: setting("header-timeout", {
    schema: TimeLimit,
    default: "10s",
    meaning: "Longest time for a request to arrive",
    metavar: "duration"
  }),
  clientTimeout: setting("client-timeout", {
    schema: TimeLimit,
    default: "60s",
    meaning: "Longest time without a byte on a connection that is being answered",
    metavar: "duration"
  }),
  heartbeat: setting("heartbeat", {
    schema: TimeLimit,
    default: "15s",
    meaning: "Longest time without a byte in a whole list of NDJSON or JSON: a space is sent then",
    metavar: "duration"
  }),
  keepAlive: setting("keep-alive", {
    schema: TimeLimit,
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

/** The settings of a server. */
export type Settings = {
  readonly [Name in keyof typeof flags]: (typeof flags)[Name] extends Flag.Flag<infer Value> ? Value : never
}

/** A row for each of them, for the documents. */
export { rows } from "./Setting.ts"
