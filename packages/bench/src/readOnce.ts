/**
 * Reads the whole list once, in a process of its own, and prints what it took as JSON.
 */
import * as Sessions from "@hb-sessions/core/Sessions"
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import type { ScanReport } from "@hb-sessions/core/ScanReport"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { peakMemory } from "./peakMemory.ts"
import { layerAgent } from "./readers.ts"

/** What one read took. */
export interface Cost {
  readonly sessions: number
  readonly requests: number
  readonly proven: boolean
  readonly seconds: number
  readonly cpuSeconds: number
  /** Highest resident set of the process, in megabytes. */
  readonly peakMegabytes: number
}

const started = performance.now()
let report: ScanReport | undefined
const onReport = (value: ScanReport) => Effect.sync(() => void (report = value))
const sessions = await Sessions.pages({ concurrency: 16, pageSize: 100, onReport }).pipe(
  Stream.runFold(
    () => 0,
    (count, page) => count + page.sessions.length
  ),
  Effect.provide(SessionsClient.layerConfigNoDeps.pipe(Layer.provide(layerAgent(16)))),
  Effect.runPromise
)
const { systemCPUTime, userCPUTime } = process.resourceUsage()
const cost: Cost = {
  sessions,
  requests: report?.requests ?? 0,
  proven: report?.completeness.status === "proven",
  seconds: (performance.now() - started) / 1000,
  cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
  peakMegabytes: peakMemory()
}
console.log(JSON.stringify(cost))
