/**
 * Runs a read: the pages of its plan as one stream, and its report at the end.
 */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Stream from "effect/Stream"
import { InvalidOptions } from "../../InvalidOptions.ts"
import { SessionsClient } from "../../SessionsClient.ts"
import type { UnreadableRow } from "../../SessionPage.ts"
import type { SessionsError } from "../../SessionsError.ts"
import type { Completeness, ScanReport } from "../../ScanReport.ts"
import { readProblem, readTimeInput, timeRule } from "../optionProblem.ts"
import { CurrentRetryBudget, RetryBudget } from "../RetryBudget.ts"
import { Delivered } from "./Delivered.ts"
import { drifted, unproven } from "./metrics.ts"
import { fast, type Plan, verified } from "./plan.ts"
import { makeQuery, type QueryOptions } from "./Query.ts"
import { Reader } from "./Reader.ts"
import { type Rules, rules } from "./Rules.ts"
import { type Restored, restore } from "./restore.ts"
import { ScanLog } from "./ScanLog.ts"
import type { Taken } from "./Answer.ts"
import { Scan } from "./Scan.ts"
import { decode } from "./token.ts"

/** The options of a read. */
export interface RunOptions extends QueryOptions {
  readonly consistency?: "verified" | "fast"
  readonly concurrency?: number
  readonly from?: string
  readonly whenChanged?: "repeat" | "fail"
  readonly maxPages?: number
  readonly retryBudget?: number
  /** Whether what is given tells where to go on; no by default. */
  readonly givesPositions?: boolean
  readonly onUnreadableRow?: (row: UnreadableRow) => Effect.Effect<void>
  readonly onReport?: (report: ScanReport) => Effect.Effect<void>
}

/** What makes of a read a scan that is kept. */
export interface Keeping<E, R> {
  /** What it learned until it was interrupted. */
  readonly state: Stream.Stream<Uint8Array, E, R>
  readonly onRestored: (restored: Restored) => Effect.Effect<void>
  /** When this is complete, the scan ends as soon as what was asked for is there. */
  readonly stopWhen: Effect.Effect<void>
}

/** Most passes of a verified read. */
const MAX_PASSES = 6

/** The pages of a read: those of the list in its order, then those with rows found late. */
export const run = <E = never, R = never>(
  options: RunOptions,
  used: Rules = rules,
  keeping?: Keeping<E, R>
): Stream.Stream<Taken, SessionsError | E, SessionsClient | R> =>
  Effect.gen(function* () {
    const problem = readProblem({ ...options }, readTimeInput, timeRule)
    if (problem !== undefined) return yield* Effect.die(new InvalidOptions({ detail: problem }))
    const { concurrency = 8, consistency = "verified", maxPages = 1_000_000, onReport, retryBudget = 32 } = options
    const client = withRetryBudget(yield* SessionsClient, retryBudget)
    const query = makeQuery(options)
    const position = options.from === undefined ? undefined : yield* decode(options.from, query.text)
    const delivered =
      position === undefined
        ? undefined
        : new Delivered(position, {
            matchDigest: consistency === "verified",
            mayRepeat: consistency === "fast" || options.whenChanged !== "fail"
          })
    const scan = new Scan(query, used, delivered)
    scan.givesPositions = options.givesPositions === true
    if (position !== undefined && consistency === "fast") scan.continueFrom(position)
    const reader = new Reader({ client, scan, concurrency, maxPages })
    if (keeping !== undefined) {
      const restored = yield* restore(scan, keeping.state)
      scan.log = new ScanLog({ query: query.text, isContinued: restored.bytes > 0 })
      yield* keeping.onRestored(restored)
      yield* Effect.forkScoped(
        Effect.andThen(
          keeping.stopWhen,
          Effect.sync(() => reader.stop())
        )
      )
    }
    const plan = consistency === "fast" ? fast(reader, position) : verified(reader, MAX_PASSES)

    const end = Effect.fnUntraced(function* (completeness: Completeness) {
      const report = reportOf(scan, consistency, completeness)
      yield* Effect.annotateCurrentSpan({
        passes: report.passes,
        requests: report.requests,
        rows: report.distinctRows,
        completeness: completeness.status
      })
      if (report.driftSeen) yield* Metric.update(drifted, 1)
      if (consistency === "verified" && completeness.status === "unproven") yield* Metric.update(unproven, 1)
      if (onReport !== undefined) yield* onReport(report)
    })
    const { onUnreadableRow } = options
    const taken = follow(reader, plan, end)
    return onUnreadableRow === undefined
      ? taken
      : Stream.tap(taken, ({ unreadableRows }) => Effect.forEach(unreadableRows, onUnreadableRow, { discard: true }))
  }).pipe(Stream.unwrap, Stream.withSpan("Sessions.scan"))

/** All requests of one read share a budget of retries. */
const withRetryBudget = (client: SessionsClient["Service"], retries: number): SessionsClient["Service"] => {
  const budget = RetryBudget.ofRead(retries)
  return {
    ...client,
    getPage: (query) => Effect.provideService(client.getPage(query), CurrentRetryBudget, budget)
  }
}

/** The steps of a plan one after another: each is decided when all pages of the one before have been taken. */
const follow = (
  reader: Reader,
  plan: Plan,
  end: (completeness: Completeness) => Effect.Effect<void>
): Stream.Stream<Taken, SessionsError> =>
  Stream.suspend(() => {
    if (reader.isCut) return Stream.empty
    const step = plan.next()
    if (step.done === true) return Stream.fromEffectDrain(end(step.value))
    return reader.isStopped ? Stream.empty : Stream.concat(step.value, follow(reader, plan, end))
  })

const reportOf = (scan: Scan, consistency: "verified" | "fast", completeness: Completeness): ScanReport => ({
  consistency,
  completeness,
  passes: scan.passes,
  requests: scan.requests,
  rowsRead: scan.rowsRead,
  distinctRows: scan.table.size - scan.unreadable,
  duplicatesDropped: scan.duplicates,
  emittedRows: scan.emitted,
  unreadableRows: scan.unreadable,
  ignoredValues: scan.ignored.byPath,
  ...(scan.totals.first === undefined ? {} : { totalCountFirst: scan.totals.first }),
  ...(scan.total === undefined ? {} : { totalCountLast: scan.total }),
  driftSeen: scan.driftSeen,
  ...(scan.pageSize === undefined ? {} : { pageSize: scan.pageSize }),
  order: scan.observer.order,
  stoppedEarly: scan.stoppedEarly,
  resumed: scan.delivered !== undefined || scan.log?.isContinued === true
})
