/**
 * Reads a scenario's list in several parts, each from where the one before was interrupted or failed, and checks what
 * `Sessions.pages` and `Sessions.scan` promise about that.
 */
import * as Sessions from "@hb-sessions/core/Sessions"
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import type { ScanReport } from "@hb-sessions/core/ScanReport"
import { Deferred, Effect, Exit, Stream } from "effect"
import { type Rules, rules } from "../../core/src/internal/scan/Rules.ts"
import { run } from "../../core/src/internal/scan/run.ts"
import type { Outcome } from "./Judge.ts"
import { makeRandom } from "./random.ts"
import type { Scenario } from "./Scenario.ts"
import { Server } from "./Server.ts"
import { World } from "./World.ts"

/** Most parts; a server that keeps failing may not let a read end. */
const MAX_PARTS = 40

/** Longest token. */
const MAX_TOKEN = 2048

/** With a token: `Sessions.pages`. */
export const judgeResumed = Effect.fnUntraced(function* (scenario: Scenario) {
  const random = makeRandom(scenario.seed ^ 0x2545f491)
  const world = new World(scenario, random)
  const server = new Server(world, scenario, random)
  const { status } = scenario
  const since = scenario.newest === 0 ? 0 : world.timeOf(scenario.newest)
  const list = world.sessions(status).flatMap(({ createdAt = 0, id }) => (createdAt >= since ? [id] : []))
  world.beginReading()
  const reports: Array<ScanReport> = []
  let token: string | undefined
  let error: string | undefined
  const emitted: Array<string> = []
  const partly = random.pick([1, 2, 3])
  for (let part = 0; part < MAX_PARTS && reports.length === 0; part++) {
    const chunks = part < partly ? 1 + random.below(6) : Infinity
    const exit = yield* Sessions.pages({
      ...(status === undefined ? {} : { status, filter: scenario.serverFilters ? "server" : "client" }),
      ...(scenario.asksPageSize ? { pageSize: scenario.pageSize } : {}),
      ...(token === undefined ? {} : { from: token }),
      ...(since === 0 ? {} : { since }),
      consistency: scenario.consistency,
      concurrency: scenario.concurrency,
      onReport: (value) => Effect.sync(() => void reports.push(value))
    }).pipe(
      chunks === Infinity ? (stream) => stream : Stream.take(chunks),
      Stream.runForEach(({ resumeToken, sessions }) =>
        Effect.sync(() => {
          emitted.push(...sessions.map(({ id }) => id))
          token = resumeToken
          if (resumeToken.length > MAX_TOKEN) error = `a token of ${resumeToken.length} characters`
        })
      ),
      Effect.provideService(SessionsClient, server.client),
      Effect.exit
    )
    if (Exit.hasDies(exit)) error = `defect ${String(exit)}`
  }
  const [report] = reports
  const distinct = new Set(emitted)
  const lost = world.stableSince(since).filter((id) => !distinct.has(id)).length
  const isQuiet = scenario.kind === "quiet" && scenario.resizeAfter === 0
  const broken = (): string | undefined => {
    if (error !== undefined) return error
    if (report === undefined) return undefined
    if (isQuiet && emitted.join() !== list.join()) return "the parts are not the quiet list in its order"
    if (report.completeness.status === "proven" && lost > 0) return `${lost} stable sessions lost, and it says proven`
    return undefined
  }
  const outcome: Outcome = {
    scenario,
    broken: broken(),
    report,
    error,
    requests: server.requests,
    pages: 0,
    lost,
    assumptionBroken: false
  }
  return outcome
})

/**
 * With all that was learned: `Sessions.scan`, whose parts are killed or stopped, and whose kept bytes lose their end now
 * and then. Of what was lost with it the rows may come again, and nothing else.
 */
export const judgeScanned = Effect.fnUntraced(function* (scenario: Scenario, used: Rules = rules) {
  const random = makeRandom(scenario.seed ^ 0x2545f491)
  const world = new World(scenario, random)
  const server = new Server(world, scenario, random)
  const { status } = scenario
  const since = scenario.newest === 0 ? 0 : world.timeOf(scenario.newest)
  const list = world.sessions(status).flatMap(({ createdAt = 0, id }) => (createdAt >= since ? [id] : []))
  world.beginReading()
  const reports: Array<ScanReport> = []
  const emitted = new Set<string>()
  /** Rows whose chunk was kept. */
  let kept = new Set<string>()
  let log: Array<{ readonly state: Uint8Array; readonly ids: ReadonlyArray<string> }> = []
  let bytes = new Uint8Array(0)
  let error: string | undefined
  const partly = random.pick([1, 2, 3, 10])
  for (let part = 0; part < MAX_PARTS && reports.length === 0 && error === undefined; part++) {
    const chunks = part < partly ? 1 + random.below(6) : Infinity
    const isStopped = random.chance(0.5)
    const stop = Deferred.makeUnsafe<void>()
    const step = random.pick([7, 64, 100_000])
    const pieces = Array.from({ length: Math.ceil(bytes.length / step) }, (_, at) =>
      bytes.slice(at * step, at * step + step)
    )
    let seen = 0
    const exit = yield* run(
      {
        ...(status === undefined ? {} : { status, filter: scenario.serverFilters ? "server" : "client" }),
        ...(scenario.asksPageSize ? { pageSize: scenario.pageSize } : {}),
        ...(since === 0 ? {} : { since }),
        consistency: scenario.consistency,
        concurrency: scenario.concurrency,
        onReport: (value) => Effect.sync(() => void reports.push(value))
      },
      used,
      {
        state: Stream.fromIterable(pieces),
        onRestored: (restored) =>
          Effect.sync(() => {
            // What was cut off is not there to be appended to.
            let length = 0
            log = log.filter(({ state }) => (length += state.length) <= restored.bytes)
            kept = new Set(log.flatMap(({ ids }) => ids))
          }),
        stopWhen: Deferred.await(stop)
      }
    ).pipe(
      isStopped || chunks === Infinity ? (stream) => stream : Stream.take(chunks),
      Stream.runForEach(({ learned, sessions }) =>
        Effect.sync(() => {
          const ids = sessions.map(({ id }) => id)
          const again = ids.filter((id) => kept.has(id)).length
          if (again > 0) error = `${again} sessions that were kept came again`
          for (const id of ids) {
            kept.add(id)
            emitted.add(id)
          }
          log.push({ state: learned, ids })
          if (isStopped && ++seen >= chunks) Deferred.doneUnsafe(stop, Exit.void)
        })
      ),
      Effect.provideService(SessionsClient, server.client),
      Effect.exit
    )
    if (Exit.hasDies(exit)) error = `defect ${String(exit)}`
    bytes = concat(log.map(({ state }) => state))
    if (!isStopped && random.chance(0.3)) bytes = bytes.subarray(0, bytes.length - random.below(100))
  }
  const [report] = reports
  const lost = world.stableSince(since).filter((id) => !emitted.has(id)).length
  const isQuiet = scenario.kind === "quiet" && scenario.resizeAfter === 0
  const broken = (): string | undefined => {
    if (error !== undefined) return error
    if (report === undefined) return scenario.failing > 0 ? undefined : "it never came to an end"
    if (isQuiet && [...emitted].join() !== list.join()) return "the parts are not the quiet list in its order"
    if (report.completeness.status === "proven" && lost > 0) {
      return `${lost} stable sessions lost, and the scan says proven (${report.completeness.certificate})`
    }
    return undefined
  }
  const outcome: Outcome = {
    scenario,
    broken: broken(),
    report,
    error,
    requests: server.requests,
    pages: 0,
    lost,
    assumptionBroken: false
  }
  return outcome
})

const concat = (pieces: ReadonlyArray<Uint8Array>): Uint8Array<ArrayBuffer> => {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}

/** A scenario that can be resumed: failing now and then, and told by its server how long it is. */
export const asResumable = (scenario: Scenario): Scenario => ({
  ...scenario,
  failing: scenario.seed % 2 === 0 ? 0.02 : 0,
  missingTotals: 0,
  wrongTotal: "none",
  wrongPage: 0,
  doublesPageSize: false,
  // A list that updates reorder is not newest first, as a proof down to a time takes for granted.
  newest: scenario.kind === "update" ? 0 : scenario.newest,
  // Where no proof is possible by the count alone, a deletion and a start at once can hide each other.
  kind: ["turnover", "churn", "swap", "mixed"].includes(scenario.kind) ? "close" : scenario.kind
})
