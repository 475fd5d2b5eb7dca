/**
 * What is counted.
 *
 * Counting is synchronous: an answer from the cache has no fiber. The series live in Effect's registry, so that
 * Prometheus and OTLP see the same.
 */
import * as Context from "effect/Context"
import * as Metric from "effect/Metric"

const context = Context.empty()

const requests = Metric.counter("hb_sessions_proxy_requests", {
  description: "Answers, by route, status and cache state",
  incremental: true
})

const seconds = Metric.histogram("hb_sessions_proxy_request_duration_seconds", {
  description: "Time from the head of a request to the end of its answer, in seconds",
  boundaries: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
})

const requestSeries = new Map<string, typeof requests>()
const secondsSeries = new Map<string, typeof seconds>()

/** Counts an answer. `route` is one of few names, never a path. */
export const answered = (route: string, status: number, cache: string, elapsedMillis: number): void => {
  countAnswer(route, status, cache)
  let histogram = secondsSeries.get(route)
  if (histogram === undefined) {
    histogram = Metric.withAttributes(seconds, { route })
    secondsSeries.set(route, histogram)
  }
  histogram.updateUnsafe(elapsedMillis / 1000, context)
}

/** Counts an answer to what was no request. */
export const rejected = (status: number): void => countAnswer("none", status, "none")

/** The one that was counted last: most answers are like the one before. */
let last = { route: "", status: 0, cache: "", count: () => {} }

const countAnswer = (route: string, status: number, cache: string): void => {
  if (last.status !== status || last.route !== route || last.cache !== cache) {
    const counter = answersLike(route, status, cache)
    last = { route, status, cache, count: () => counter.updateUnsafe(1, context) }
  }
  last.count()
}

const answersLike = (route: string, status: number, cache: string): typeof requests => {
  const key = `${route} ${status} ${cache}`
  let counter = requestSeries.get(key)
  if (counter === undefined) {
    counter = Metric.withAttributes(requests, { route, status: String(status), cache })
    requestSeries.set(key, counter)
  }
  return counter
}

const counter = (name: string, description: string) => Metric.counter(name, { description, incremental: true })

/** Bodies that do not fit the contract. */
export const outsideContract = counter(
  "hb_sessions_proxy_upstream_outside_contract",
  "Answers of the upstream that do not fit the contract"
)

/** Reloads of the accounts that failed. */
export const accountsReloadFailures = counter(
  "hb_sessions_proxy_accounts_reload_failures",
  "Attempts to read the accounts file again that failed"
)

/** Lines of the audit log that could not be written. */
export const auditFailures = counter(
  "hb_sessions_proxy_audit_failures",
  "Attempts to write the expiry of tokens to the audit log that failed"
)

const keyRejections = counter(
  "hb_sessions_proxy_key_rejected",
  "Requests that failed because the upstream rejected the API key, by account if there are several"
)

/** Counts a rejected key; `account` is undefined for a single key. */
export const keyRejected = (account: string | undefined): void => count(of(keyRejections, account))

/** The series of an account; without a label for a single key. */
const of = <Input, State>(metric: Metric.Metric<Input, State>, account: string | undefined) =>
  account === undefined ? metric : Metric.withAttributes(metric, { account })

/** Rejected tokens. */
export const authFailures = counter("hb_sessions_proxy_auth_failures", "Requests without a valid token")

/** Requests that were ended with their token. */
export const tokenEnded = counter(
  "hb_sessions_proxy_token_ended",
  "Requests under way that were ended because their token was revoked, expired or allows less"
)

/** Reloads of the tokens that failed. */
export const tokensReloadFailures = counter(
  "hb_sessions_proxy_tokens_reload_failures",
  "Attempts to read the tokens file again that failed"
)

/** Lines of the access log that were dropped. */
export const logDropped = counter(
  "hb_sessions_proxy_access_log_dropped",
  "Lines of the access log that were dropped because stderr failed, or was not read fast enough"
)

/** Requests that lost their place. */
export const gaveWay = counter(
  "hb_sessions_proxy_gave_way",
  "Requests that lost their place to a token with fewer, or because its client did not read the answer"
)

const dropped = counter(
  "hb_sessions_proxy_connections_dropped",
  "Connections that were closed without an answer, by reason"
)

/** Connections that were closed without an answer; `reason` is one of few names. */
export const droppedFor = (reason: string): Metric.Metric<number, unknown> => {
  let series = droppedSeries.get(reason)
  if (series === undefined) {
    series = Metric.withAttributes(dropped, { reason })
    droppedSeries.set(reason, series)
  }
  return series
}

const droppedSeries = new Map<string, typeof dropped>()

/** Adds one, or as many as are said. */
export const count = (metric: Metric.Metric<number, unknown>, times = 1): void => metric.updateUnsafe(times, context)

const gauge = (name: string, description: string) => Metric.gauge(name, { description })

const cacheBytes = gauge("hb_sessions_proxy_cache_bytes", "Bytes of cached answers")
const cacheEntries = gauge("hb_sessions_proxy_cache_entries", "Cached answers")
const inFlight = gauge("hb_sessions_proxy_requests_in_flight", "Requests that wait for the upstream or stream")
const connections = gauge("hb_sessions_proxy_connections", "Open connections")
const queuedBytes = gauge("hb_sessions_proxy_queued_bytes", "Bytes that wait for clients to read or to be answered")
const draining = gauge("hb_sessions_proxy_draining", "1 while the server stops, else 0")
const upstreamUsable = gauge(
  "hb_sessions_proxy_upstream_usable",
  "1 while the last request to the upstream succeeded, else 0"
)
const breakerOpen = gauge("hb_sessions_proxy_breaker_open", "1 while the circuit to the upstream is open, else 0")
const tokensAge = gauge(
  "hb_sessions_proxy_tokens_age_seconds",
  "Seconds since the tokens in use were last known to be those of the file"
)

/** Notes the state of the server; called before the metrics are read. */
export const observe = (state: {
  readonly cacheBytes: number
  readonly cacheEntries: number
  readonly inFlight: number
  readonly connections: number
  readonly queuedBytes: number
  readonly isDraining: boolean
  readonly upstreams: ReadonlyArray<{
    /** Undefined for a single key. */
    readonly account: string | undefined
    readonly isUsable: boolean
    readonly isBreakerOpen: boolean
  }>
  /** Undefined without tokens. */
  readonly tokensAgeMillis: number | undefined
}): void => {
  cacheBytes.updateUnsafe(state.cacheBytes, context)
  cacheEntries.updateUnsafe(state.cacheEntries, context)
  inFlight.updateUnsafe(state.inFlight, context)
  connections.updateUnsafe(state.connections, context)
  queuedBytes.updateUnsafe(state.queuedBytes, context)
  draining.updateUnsafe(state.isDraining ? 1 : 0, context)
  for (const { account, isBreakerOpen, isUsable } of state.upstreams) {
    of(upstreamUsable, account).updateUnsafe(isUsable ? 1 : 0, context)
    of(breakerOpen, account).updateUnsafe(isBreakerOpen ? 1 : 0, context)
  }
  if (state.tokensAgeMillis !== undefined) tokensAge.updateUnsafe(state.tokensAgeMillis / 1000, context)
}

/** Drops the state of an account that is no longer served. */
export const forgetAccount = (account: string | undefined): void => {
  for (const metric of [upstreamUsable, breakerOpen]) Metric.removeUnsafe(of(metric, account), context)
}
