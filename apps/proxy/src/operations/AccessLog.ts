/**
 * One line of JSON on stderr for each answer, written in batches, and some for connections that got none.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { ConnectionLog, type Ended } from "../http/ConnectionLog.ts"
import type { LogEntry } from "../http/LogEntry.ts"
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

/** What is written to. */
export interface AccessLog {
  readonly answered: (entry: LogEntry) => void
  readonly ended: (connection: Ended) => void
}

/** Makes the log; closing the scope writes what is left. */
export const make = (
  level: AccessLogLevel,
  output: NodeJS.WritableStream = process.stderr
): Effect.Effect<AccessLog, never, Scope.Scope> =>
  Effect.gen(function* () {
    if (level === "off") return { answered: () => {}, ended: () => {} }
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
    const write = (text: string) => {
      if ("writableLength" in output && Number(output.writableLength) > MAX_WAITING) {
        Metrics.count(Metrics.logDropped)
        return
      }
      waiting += text
      count += 1
      if (waiting.length > BATCH) flush()
    }
    const connections = new ConnectionLog(write)
    const tick = () => {
      connections.tick(performance.now())
      flush()
    }
    yield* Effect.acquireRelease(
      Effect.sync(() => setInterval(tick, FLUSH_MILLIS)),
      (timer) =>
        Effect.sync(() => {
          clearInterval(timer)
          connections.sumUp()
          flush()
        })
    )
    return {
      answered: (entry: LogEntry) => {
        if (level === "all" || entry.status >= 400) write(line(entry, new Date()))
      },
      ended: (connection: Ended) => connections.note(connection, performance.now())
    }
  })

/** Holds no header, no query string and no body: they may hold secrets. */
const line = (entry: LogEntry, now: Date): string => {
  const client = entry.client === undefined ? "" : `,"client":${JSON.stringify(entry.client)}`
  const account = entry.account === undefined ? "" : `,"account":"${entry.account}"`
  const cache = entry.cache === undefined ? "" : `,"cache":"${entry.cache}"`
  const problem = entry.problem === undefined ? "" : `,"problem":"${entry.problem}"`
  const path = JSON.stringify(entry.path.slice(0, MAX_PATH))
  return `{"time":"${now.toISOString()}","type":"access","id":${JSON.stringify(entry.id)},"address":"${entry.address}"${client}${account},"method":${JSON.stringify(entry.method)},"route":"${entry.route}","path":${path},"status":${entry.status}${cache}${problem},"bytes":${entry.bytes},"ms":${entry.millis.toFixed(2)}}\n`
}
