/**
 * One line of JSON on stderr for each answer, written in batches.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { LogEntry } from "./Exchange.ts"
import * as Metrics from "./Metrics.ts"

/** Which answers are logged: all, those from 400 on, or none. */
export const levels = ["all", "errors", "off"] as const
export type AccessLogLevel = (typeof levels)[number]

const FLUSH_MILLIS = 100
/** Characters at which a batch is written at once. */
const BATCH = 65_536
/** Characters that may wait for a reader that is slow; further lines are dropped and counted. */
const MAX_WAITING = 4_194_304
const MAX_PATH = 200

/** Makes the log; closing the scope writes what is left. */
export const make = (
  level: AccessLogLevel,
  output: NodeJS.WritableStream = process.stderr
): Effect.Effect<(entry: LogEntry) => void, never, Scope.Scope> =>
  Effect.gen(function* () {
    if (level === "off") return () => {}
    let waiting = ""
    let count = 0
    const flush = () => {
      if (waiting === "") return
      const text = waiting
      const lines = count
      waiting = ""
      count = 0
      output.write(text, (error) => {
        if (error !== null && error !== undefined) Metrics.count(Metrics.logDropped, lines)
      })
    }
    yield* Effect.acquireRelease(
      Effect.sync(() => setInterval(flush, FLUSH_MILLIS)),
      (timer) =>
        Effect.sync(() => {
          clearInterval(timer)
          flush()
        })
    )
    return (entry: LogEntry) => {
      if (level === "errors" && entry.status < 400) return
      if ("writableLength" in output && Number(output.writableLength) > MAX_WAITING) {
        Metrics.count(Metrics.logDropped)
        return
      }
      waiting += line(entry, new Date())
      count += 1
      if (waiting.length > BATCH) flush()
    }
  })

/** Holds no header, no query string and no body: they may hold secrets. */
const line = (entry: LogEntry, now: Date): string => {
  const client = entry.client === undefined ? "" : `,"client":${JSON.stringify(entry.client)}`
  const cache = entry.cache === undefined ? "" : `,"cache":"${entry.cache}"`
  const problem = entry.problem === undefined ? "" : `,"problem":"${entry.problem}"`
  const path = JSON.stringify(entry.path.slice(0, MAX_PATH))
  return `{"time":"${now.toISOString()}","type":"access","id":${JSON.stringify(entry.id)},"address":"${entry.address}"${client},"method":${JSON.stringify(entry.method)},"route":"${entry.route}","path":${path},"status":${entry.status}${cache}${problem},"bytes":${entry.bytes},"ms":${entry.millis.toFixed(2)}}\n`
}
