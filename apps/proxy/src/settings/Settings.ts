/**
 * Every setting of `serve`.
 */
import * as Setting from "@hb-sessions/app-kit/Setting"
import { type ClientSetting, clientSettings } from "@hb-sessions/core/SessionsConfig"
import { RateText } from "@hb-sessions/core/SettingText"
import * as Flag from "effect/cli/Flag"
import * as Schema from "effect/Schema"
import { headers } from "../http/ClientAddress.ts"
import { levels } from "../operations/AccessLog.ts"
import { RedisPrefix, RedisUrl } from "../redis/RedisUrl.ts"
import {
  Count,
  DurationText,
  Mode,
  Names,
  Origins,
  Port,
  PortOrNone,
  Proxies,
  Size,
  StaleTokens,
  TimeLimit
} from "./SettingValues.ts"

/** The default port. */
const defaultPort = 8080

/** The variable and the form of a setting of core's client; the proxy has defaults of its own. */
const ofClient = <A>({ schema, variable }: ClientSetting<A>) => ({ schema, variable })

/** The settings of `serve` that the environment has too. */
export const settings = Setting.record("HB_SESSIONS_PROXY_", {
  port: {
    schema: PortOrNone,
    default: String(defaultPort),
    meaning: "Port to listen on; 0 picks a free one, none leaves only --socket",
    metavar: "number",
    alias: "p"
  },
  host: {
    schema: Schema.NonEmptyString,
    default: "127.0.0.1",
    meaning: "Address to listen on; 0.0.0.0 for every network",
    metavar: "address"
  },
  socket: {
    schema: Setting.orNone(Schema.NonEmptyString),
    default: "",
    shown: "none",
    meaning: "Unix socket to listen on too; one that no process listens on is replaced",
    metavar: "path"
  },
  socketMode: {
    schema: Mode,
    default: "0660",
    meaning: "Permissions of the socket; who may write to it may connect",
    metavar: "mode"
  },
  adminPort: {
    schema: Setting.orNone(Port),
    default: "",
    shown: "the port after --port, or a free one",
    meaning: "Port of /healthz, /readyz and /metrics; 0 picks a free one",
    metavar: "number"
  },
  adminHost: {
    schema: Schema.NonEmptyString,
    default: "127.0.0.1",
    meaning: "Address of the admin listener, which needs no token",
    metavar: "address"
  },
  tokensFile: {
    schema: Setting.orNone(Schema.NonEmptyString),
    default: "",
    shown: "none",
    meaning: "File with the hashes of the tokens; made by token create",
    metavar: "file"
  },
  accounts: {
    schema: Setting.orNone(Schema.NonEmptyString),
    default: "",
    shown: "none: the account of HYPERBROWSER_API_KEY",
    meaning: "TOML file of accounts: where the key of each is; each token belongs to one of them",
    metavar: "file"
  },
  staleTokens: {
    schema: StaleTokens,
    default: "15m",
    meaning: "How long tokens stay valid while their file cannot be read; after that requests get 503",
    metavar: "duration"
  },
  redis: {
    schema: Setting.orNone(RedisUrl),
    default: "",
    shown: "none",
    meaning: "Redis that replicas share their limits, cached pages and, without --tokens-file, tokens through",
    metavar: "url"
  },
  redisFile: {
    schema: Setting.orNone(Schema.NonEmptyString),
    default: "",
    shown: "none",
    meaning: "File that holds the URL of Redis, in place of --redis",
    metavar: "file"
  },
  redisPrefix: {
    schema: RedisPrefix,
    default: "hb-sessions-proxy:",
    meaning: "What the names of all keys in Redis begin with",
    metavar: "text"
  },
  auditLog: {
    schema: Setting.orNone(Schema.NonEmptyString),
    default: "",
    shown: "stderr",
    meaning: "File to which a line of JSON is appended for each token that is created, rotated or revoked, or expires",
    metavar: "file"
  },
  allowedHosts: {
    schema: Setting.orNone(Names),
    default: "",
    shown: "none",
    meaning: "Host names to accept besides loopback ones where no token is required, separated by commas",
    metavar: "names"
  },
  corsOrigins: {
    schema: Setting.orNone(Origins),
    default: "",
    shown: "none",
    meaning: "Origins whose pages may read responses, separated by commas",
    metavar: "origins"
  },
  trustedProxies: {
    schema: Setting.orNone(Proxies),
    default: "",
    shown: "none",
    meaning:
      "Proxies in front whose --forwarded-header is believed: addresses, networks such as 10.0.0.0/8, or unix for clients of --socket, separated by commas",
    metavar: "networks"
  },
  forwardedHeader: {
    ...Setting.oneOf(headers),
    default: "x-forwarded-for",
    meaning: "Header in which they tell the address of the client; the other one is ignored"
  },
  strictUpstream: {
    ...Setting.onOff,
    meaning: "Answer 502 instead of passing on a page that does not fit the contract"
  },
  cacheFresh: {
    schema: DurationText,
    default: "2s",
    meaning: "How long a cached response is served without a request to the upstream",
    metavar: "duration"
  },
  cacheStale: {
    schema: DurationText,
    default: "30s",
    meaning: "How long after that it is still served while a new one is fetched",
    metavar: "duration"
  },
  cacheError: {
    schema: DurationText,
    default: "5m",
    meaning: "How long after --cache-fresh it is still served while the upstream fails",
    metavar: "duration"
  },
  cachePatience: {
    schema: DurationText,
    default: "2s",
    meaning: "How long to wait for a fetch before a response within --cache-error is served instead",
    metavar: "duration"
  },
  cacheNegative: {
    schema: DurationText,
    default: "5s",
    meaning: "How long a 400 of the upstream, or that a session was not found, is cached",
    metavar: "duration"
  },
  cacheBytes: {
    schema: Size,
    default: "64m",
    meaning: "Memory for cached responses, overhead included; 0 for no cache",
    metavar: "size"
  },
  rate: {
    schema: RateText,
    default: "100",
    meaning: "Requests per second for each token; 0 for no limit",
    metavar: "number"
  },
  burst: {
    schema: Count,
    default: "200",
    meaning: "Requests that each token may send at once",
    metavar: "number"
  },
  maxConcurrent: {
    schema: Count,
    default: "256",
    meaning: "Requests that may wait for the upstream; more get 503",
    metavar: "number"
  },
  maxStreams: {
    schema: Count,
    default: "8",
    meaning: "Whole lists, lookups and statistics that may run at the same time; more get 503",
    metavar: "number"
  },
  maxWatchers: {
    schema: Count,
    default: "100",
    meaning: "Streams of /v1/events that may be open at the same time; more get 503",
    metavar: "number"
  },
  watchInterval: {
    schema: TimeLimit,
    default: "5s",
    meaning: "Time between two looks at the active sessions of an account while someone reads /v1/events",
    metavar: "duration"
  },
  maxConnections: {
    schema: Count,
    default: "10000",
    meaning: "Open connections; more are closed",
    metavar: "number"
  },
  maxQueued: {
    schema: Size,
    default: "64m",
    meaning: "Bytes that may wait for clients that do not read; above that, the worst connections are dropped",
    metavar: "size"
  },
  upstreamRate: {
    ...ofClient(clientSettings.maxRequestsPerSecond),
    default: "20",
    meaning:
      "Requests per second to the upstream for each account, of all its tokens and replicas together; 0 for no limit",
    metavar: "number"
  },
  upstreamConcurrency: {
    schema: Count,
    default: "16",
    meaning: "Concurrent requests to the upstream for each account",
    metavar: "number"
  },
  readConcurrency: {
    schema: Count,
    default: "4",
    meaning: "Pages that one whole list requests at the same time",
    metavar: "number"
  },
  retries: {
    ...ofClient(clientSettings.retries),
    default: "2",
    meaning: "Maximum retries of a request, within the retry budget of all requests",
    metavar: "number"
  },
  maxRetryAfter: {
    ...ofClient(clientSettings.maxRetryAfter),
    default: "5s",
    meaning: "Longest Retry-After of the upstream to wait for",
    metavar: "duration"
  },
  maxBodyBytes: {
    ...ofClient(clientSettings.maxBodyBytes),
    default: "16m",
    meaning: "Maximum size of a response of the upstream; a larger one is cut and becomes a 502",
    metavar: "size"
  },
  attemptTimeout: {
    ...ofClient(clientSettings.attemptTimeout),
    default: "10s",
    meaning: "Timeout of one request to the upstream",
    metavar: "duration"
  },
  deadline: {
    ...ofClient(clientSettings.totalTimeout),
    default: "25s",
    meaning: "Timeout of one page, retries and waits included",
    metavar: "duration"
  },
  readTimeout: {
    schema: TimeLimit,
    default: "15m",
    meaning: "Timeout of a whole list, a lookup or statistics; streams of events end before it and are asked for again",
    metavar: "duration"
  },
  breakerFailures: {
    schema: Count,
    default: "5",
    meaning: "Consecutive failures of the upstream that open the circuit",
    metavar: "number"
  },
  breakerOpen: {
    schema: DurationText,
    default: "5s",
    meaning: "How long the circuit stays open",
    metavar: "duration"
  },
  headerTimeout: {
    schema: TimeLimit,
    default: "10s",
    meaning: "Timeout for a request to arrive",
    metavar: "duration"
  },
  clientTimeout: {
    schema: TimeLimit,
    default: "60s",
    meaning: "Timeout of a connection without traffic while a response is sent",
    metavar: "duration"
  },
  heartbeat: {
    schema: TimeLimit,
    default: "15s",
    meaning: "Send a space in a whole list of NDJSON or JSON, or a comment in events, after this time without data",
    metavar: "duration"
  },
  keepAlive: {
    schema: TimeLimit,
    default: "65s",
    meaning: "How long an idle connection is kept; give more than a load balancer in front does",
    metavar: "duration"
  },
  drain: {
    schema: DurationText,
    default: "2s",
    meaning: "How long new connections are still accepted after SIGTERM, if there are any",
    metavar: "duration"
  },
  grace: {
    schema: DurationText,
    default: "30s",
    meaning: "How long requests may take to finish after that",
    metavar: "duration"
  },
  accessLog: {
    ...Setting.oneOf(levels),
    default: "all",
    meaning: "Which responses are logged on stderr"
  }
})

/** Only a flag, so that no variable that was left behind opens a server. */
const withoutTokens = "Serve every caller that reaches the port; only on a loopback address"

/** The flags of `serve`. */
export const flags = {
  ...Setting.flagsOf(settings),
  withoutTokens: Flag.Boolean("without-tokens").pipe(
    Flag.withDescription(`${withoutTokens} (default: off)`),
    Flag.withDefault(false)
  )
}

/** The settings of a server. */
export type Settings = Setting.Values<typeof settings> & { readonly withoutTokens: boolean }

/** A row for each of them, for the documents. */
export const rows = [
  ...Setting.rows(settings),
  { name: "withoutTokens", flag: "--without-tokens", variable: "", meaning: withoutTokens, default: "off" }
]
