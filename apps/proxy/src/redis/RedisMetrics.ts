/**
 * What is counted of Redis; the series are there only where there is a Redis.
 */
import * as Context from "effect/Context"
import * as Metric from "effect/Metric"

const context = Context.empty()

const up = Metric.gauge("hb_sessions_proxy_redis_up", {
  description: "1 while this replica shares state through Redis, 0 while it works without Redis"
})
const replicas = Metric.gauge("hb_sessions_proxy_redis_replicas", {
  description: "Replicas that share this Redis, as last known to this one"
})
const failures = Metric.counter("hb_sessions_proxy_redis_failures", {
  description: "Commands that Redis failed or did not answer",
  incremental: true
})

/** Notes whether Redis can be used. */
export const isUp = (value: boolean): void => up.updateUnsafe(value ? 1 : 0, context)

/** Notes how many replicas there are. */
export const knowsReplicas = (count: number): void => replicas.updateUnsafe(count, context)

/** Counts a command that failed; 0 makes the series. */
export const failed = (times = 1): void => failures.updateUnsafe(times, context)

const pages = Metric.counter("hb_sessions_proxy_redis_pages", {
  description: "Lookups in Redis of pages that this replica did not have in memory, by result",
  incremental: true
})
const pageSeries = new Map<string, typeof pages>()

/** Counts a page by what came of looking for it. */
export const page = (result: "found" | "fetched" | "alone"): void => {
  let series = pageSeries.get(result)
  if (series === undefined) {
    series = Metric.withAttributes(pages, { result })
    pageSeries.set(result, series)
  }
  series.updateUnsafe(1, context)
}
