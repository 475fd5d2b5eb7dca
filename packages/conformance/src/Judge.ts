/**
 * Reads a scenario's list and checks what `Sessions` promises about it: not how it is read, but what comes of it.
 */
import type { ScanReport } from "@hb-sessions/core/ScanReport"
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import { Effect, Exit, Option, Stream } from "effect"
// The one place that looks inside of core: the tests of these tests break its rules.
import { type Rules, rules } from "../../core/src/internal/scan/Rules.ts"
import { run } from "../../core/src/internal/scan/run.ts"
import { makeRandom } from "./random.ts"
import { drawScenario, type Scenario, simplify } from "./Scenario.ts"
import { CAPPED_PAGES, hiddenId, Server } from "./Server.ts"
import { World } from "./World.ts"

/** How a read of a scenario went. */
export interface Outcome {
  readonly scenario: Scenario
  /** What was promised and not kept; undefined if all was. */
  readonly broken: string | undefined
  /** Absent when the read failed. */
  readonly report: ScanReport | undefined
  readonly error: string | undefined
  readonly requests: number
  readonly pages: number
  /** Stable sessions that were not emitted. */
  readonly lost: number
  /** Whether rows left the list, although the certificate assumed that none did. */
  readonly assumptionBroken: boolean
}

/** Reads the list of a scenario and judges the read. */
export const judge = Effect.fnUntraced(function* (scenario: Scenario, used: Rules = rules) {
  const random = makeRandom(scenario.seed ^ 0x5bd1e995)
  const world = new World(scenario, random)
  const server = new Server(world, scenario, random)
  const { status } = scenario
  const serverStatus = scenario.serverFilters ? status : undefined
  const since = scenario.newest === 0 ? 0 : world.timeOf(scenario.newest)
  const list = world.sessions(status).flatMap(({ createdAt = 0, id }) => (createdAt >= since ? [id] : []))
  const pages = Math.ceil(world.view(serverStatus).length / scenario.pageSize)
  world.beginReading()
  let report: ScanReport | undefined
  const emitted: Array<string> = []
  /** The rows without a usable id that were handed over, by the ids that only the world knows. */
  const apart = new Set<string>()
  const exit = yield* run(
    {
      ...(status === undefined ? {} : { status, filter: scenario.serverFilters ? "server" : "client" }),
      ...(scenario.asksPageSize ? { pageSize: scenario.pageSize } : {}),
      ...(since === 0 ? {} : { since }),
      consistency: scenario.consistency,
      concurrency: scenario.concurrency,
      onReport: (value) =>
        Effect.sync(() => {
          report = value
        })
    },
    used
  ).pipe(
    Stream.runForEach(({ sessions, unreadableRows }) =>
      Effect.sync(() => {
        emitted.push(...sessions.map(({ id }) => id))
        for (const row of unreadableRows) apart.add(hiddenId(row))
      })
    ),
    Effect.provideService(SessionsClient, server.client),
    Effect.exit
  )
  const distinct = new Set(emitted)
  const hidden = world.unreadableSince(since)
  const isHandedOver = scenario.readsAlike ? () => apart.size > 0 : (id: string) => apart.has(id)
  const lost =
    world.stableSince(since).filter((id) => !distinct.has(id)).length + hidden.filter((id) => !isHandedOver(id)).length
  const error = Exit.findErrorOption(exit).pipe(
    Option.map(({ reason }) => reason._tag),
    Option.getOrUndefined
  )
  const certificate = report?.completeness.status === "proven" ? report.completeness.certificate : undefined
  const assumptionBroken =
    (certificate === "count" && isFreak(scenario)) ||
    (certificate === "position" && (scenario.kind === "update" || isFreak(scenario)))
  const isQuiet = scenario.kind === "quiet" && scenario.resizeAfter === 0
  const isTotalWrong = scenario.wrongTotal !== "none"
  const isProven = report?.completeness.status === "proven"
  // What a wrong total hides that another lie agrees with: a page size that is too high, or answers for other pages.
  const isHidden = scenario.doublesPageSize || scenario.wrongPage > 0
  // A place in the list tells nothing where rows enter anywhere, whatever the total.
  const isMisplaced = certificate === "position" && assumptionBroken
  const isExcused = isTotalWrong ? isHidden || isMisplaced : assumptionBroken

  const broken = (): string | undefined => {
    if (Exit.hasDies(exit)) return `defect ${String(exit)}`
    if (server.inFlight !== 0) return `${server.inFlight} requests in flight after the end`
    if (server.maxInFlight > scenario.concurrency) return `${server.maxInFlight} requests at once`
    if (distinct.size !== emitted.length) return `${emitted.length - distinct.size} sessions emitted twice`
    if (error === "PageMismatch" && server.wrongPages > 0) return undefined
    if (error !== undefined) return isAllowed(error, scenario) ? undefined : `failed with ${error}`
    if (report === undefined) return "no report"
    if (report.emittedRows !== emitted.length) return "the report miscounts"
    // A total that is too low ends a fast read, and nothing else.
    if (isQuiet && !(isTotalWrong && (isHidden || scenario.consistency === "fast"))) {
      if (emitted.join() !== list.join()) return "not the quiet list in its order"
      // The pages down to `since` may be all that a read sees of the list.
      const isTotalUnseen = certificate === "position" || isTotalRight(scenario, world.view(serverStatus))
      if (isTotalWrong && isProven && !isTotalUnseen) return "a wrong total was proven"
      if (
        scenario.consistency === "verified" &&
        !isTotalWrong &&
        scenario.missingTotals === 0 &&
        // Only the moment's certificate knows rows without an id, and it wants the whole list.
        !(report.stoppedEarly && (serverStatus !== undefined || report.unreadableRows > 0)) &&
        !(scenario.readsAlike && scenario.unreadable > 0) &&
        !(scenario.doublesPageSize && (scenario.wrongPage > 0 || report.stoppedEarly)) &&
        report.completeness.status !== "proven"
      ) {
        return "a quiet list was not proven"
      }
    }
    if (isProven && lost > 0 && !isExcused) {
      return `${lost} stable sessions lost, and the report says proven (${certificate})`
    }
    return undefined
  }
  const outcome: Outcome = {
    scenario,
    broken: broken(),
    report,
    error,
    requests: server.requests,
    pages,
    lost,
    assumptionBroken
  }
  return outcome
})

/**
 * Lists that rows both enter and leave in the middle: only here may a certificate but the moment's be wrong, as its text
 * says. Where rows enter at one end, or near it, none may be.
 */
const isFreak = ({ kind }: Scenario) => kind === "churn" || kind === "turnover" || kind === "swap" || kind === "mixed"

/** Whether a server whose totals are wrong at times tells the right one of a list. */
const isTotalRight = ({ pageSize, wrongTotal }: Scenario, rows: ReadonlyArray<{ readonly status?: string }>) =>
  (wrongTotal === "capped" && rows.length <= CAPPED_PAGES * pageSize) ||
  (wrongTotal === "without-active" && rows.every(({ status }) => status !== "active")) ||
  (wrongTotal === "one-less" && rows.length === 0)

/**
 * Failures of reads that cannot be told from those of a broken server. A single page that is given again for every number,
 * by a server that gives no totals, may be a list without an end. If pages grow and nothing says so, then the last page,
 * given for every number beyond it, is one that was asked for long before; so is the only page, where it grows each time
 * that it is read.
 */
const isAllowed = (error: string, { missingTotals, pastEnd, resizeAfter, rows, ...scenario }: Scenario) =>
  // The page that the total says is there is rejected, or is another one.
  (scenario.wrongTotal === "one-more" && pastEnd !== "empty" && error !== "UpstreamUnavailable") ||
  (pastEnd.startsWith("clamped") &&
    ((error === "PaginationStuck" && missingTotals > 0) ||
      (error === "PageMismatch" && rows < scenario.pageSize && !scenario.tellsPageSize) ||
      ((error === "PaginationStuck" || error === "PageMismatch") && resizeAfter > 0 && !isSizeRight(scenario))))

const isSizeRight = ({ doublesPageSize, tellsPageSize }: Pick<Scenario, "doublesPageSize" | "tellsPageSize">) =>
  tellsPageSize && !doublesPageSize

/** How a read of a scenario is judged. */
export type Judge = (scenario: Scenario) => Effect.Effect<Outcome>

/** Judges many scenarios; the first one that breaks a promise is made as simple as it can be, and returned. */
export const findBroken = Effect.fnUntraced(function* (options: {
  readonly seed: number
  readonly worlds: number
  readonly judge?: Judge
  readonly adapt?: (scenario: Scenario) => Scenario
  readonly onOutcome?: (outcome: Outcome) => void
}) {
  const judgeOne = options.judge ?? ((scenario: Scenario) => judge(scenario))
  for (let world = 0; world < options.worlds; world++) {
    const drawn = drawScenario((options.seed + world) >>> 0)
    const outcome = yield* judgeOne(options.adapt?.(drawn) ?? drawn)
    options.onOutcome?.(outcome)
    if (outcome.broken !== undefined) return yield* shrink(outcome, judgeOne)
  }
  return undefined
})

/** What to print of a broken promise, with what replays it. */
export const describe = ({ broken, report, scenario }: Outcome): string =>
  `${broken}; replay with HB_SESSIONS_SEED=${scenario.seed} HB_SESSIONS_WORLDS=1; simplest scenario ` +
  `${JSON.stringify(scenario)}, report ${JSON.stringify(report)}`

const shrink = Effect.fnUntraced(function* (outcome: Outcome, judgeOne: Judge) {
  let simplest = outcome
  for (let steps = 0; steps < 200; steps++) {
    let simpler: Outcome | undefined
    for (const candidate of simplify(simplest.scenario)) {
      const tried = yield* judgeOne(candidate)
      if (tried.broken !== undefined) {
        simpler = tried
        break
      }
    }
    if (simpler === undefined) return simplest
    simplest = simpler
  }
  return simplest
})
