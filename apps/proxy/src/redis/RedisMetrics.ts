/**
 * What is counted of Redis; the series are there only where there is a Redis.
 */
import * as Context from "effect/Context"
import * as Metric from "effect/Metric"

const context = Context.empty()

const up = Metric.gauge("hb_sessions_proxy_redis_up", {
  description: "1 while what replicas share is shared by Redis, 0 while this one goes on alone"
})
const replicas = Metric.gauge("hb_sessions_proxy_redis_replicas", {
  description: "Replicas that share a Redis, as this one last knew"
})
const failures = Metric.counter("hb_sessions_proxy_redis_failures", {
  description: "Commands that Redis failed to answer as it should",
  incremental: true
})

/** Notes whether Redis can be used. */
export const isUp = (value: boolean): void => up.updateUnsafe(value ? 1 : 0, context)

/** Notes how many replicas there are. */
export const knowsReplicas = (count: number): void => replicas.updateUnsafe(count, context)

/** Counts a command that failed; 0 makes the series. */
export const failed = (times = 1): void => failures.updateUnsafe(times, context)

const pages = Metric.counter("hb_sessions_proxy_redis_pages", {
  description: "Pages that were not in the memory of this replica, by what came of looking for them in Redis",
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
