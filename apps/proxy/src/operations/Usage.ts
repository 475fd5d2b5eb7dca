/**
 * Who used what since the server started: a sum for each token, kept as numbers, and read when they are asked for.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import type { LogEntry } from "../http/LogEntry.ts"
import { CurrentUpstreamUse } from "../upstream/UpstreamUse.ts"
import type { TokenUse, UsageReport } from "./UsageReport.ts"

/**
 * How an answer ended.
 *
 * - `ok`: below 400, and whole.
 * - `rejected`: 4xx but 429.
 * - `rate-limited`: 429.
 * - `failed`: 5xx.
 * - `cut`: begun, and cut by the proxy.
 * - `left`: its client was gone before its end.
 */
const outcomes = ["ok", "rejected", "rate-limited", "failed", "cut", "left"] as const
type Outcome = (typeof outcomes)[number]

/** Tokens with a sum of their own, and accounts with one for all their further tokens. */
const MAX_SUMS = 1000
/** Stands for all that have no sum of their own. */
const OTHER = "other"
/** Ids of tokens that are known at a time. */
const MAX_IDS = 100_000

const CLIENT_CLOSED = 499
const TOO_MANY = 429

interface Sum {
  readonly token: string
  readonly account: string | undefined
  readonly outcomes: Record<Outcome, number>
  bytes: number
  cacheHits: number
  upstreamRequests: number
  waitedMillis: number
  lastUsedAt: number
  /** Outcomes that have a series. */
  readonly told: Set<Outcome>
}

interface Known {
  readonly sum: Sum
  lastUsedAt: number
}

/** Whose an answer is. */
type Token = Pick<LogEntry, "tokenId" | "client" | "account">

const counter = (name: string, description: string) =>
  Metric.counter(`hb_sessions_proxy_token_${name}`, { description, incremental: true })

const metrics = {
  requests: counter("requests", "Answers, by token, account and outcome"),
  bytes: counter("bytes", "Bytes of bodies that were sent, by token and account"),
  cacheHits: counter("cache_hits", "Answers from the cache, by token and account"),
  upstreamRequests: counter("upstream_requests", "Requests to the upstream, by the token and account that caused them"),
  waited: counter("waiting_seconds", "Seconds for which a turn at the upstream was waited for, by token and account")
}

/** Counts what tokens use. */
export class Usage extends Context.Service<
  Usage,
  {
    /** Counts an answer. */
    readonly answered: (entry: Pick<LogEntry, "status" | "problem" | "cache" | "bytes"> & Token) => void
    /** Makes a token known, to which requests to the upstream are counted from now on. */
    readonly know: (token: Token) => void
    readonly report: () => UsageReport
    /** When each token was used last, by its id, in epoch milliseconds. */
    readonly lastUses: () => ReadonlyMap<string, number>
  }
>()("@hb-sessions/proxy/Usage") {
  static readonly layer = Layer.effectContext(
    Effect.gen(function* () {
      const context = yield* Effect.context<never>()
      const clock = yield* Clock.Clock
      const now = () => clock.currentTimeMillisUnsafe()
      const startedAt = now()
      const sums = new Map<string, Sum>()
      const known = new Map<string, Known>()
      const series = new Set<Metric.Registration>()
      let others = 0
      yield* Effect.addFinalizer(() => Effect.sync(() => series.forEach((one) => one.remove())))

      /** Adds a series, which is read when the metrics are. */
      const tell = (
        metric: ReturnType<typeof counter>,
        { account, token }: Sum,
        count: () => number,
        more: Readonly<Record<string, string>> = {}
      ) => {
        const labelled = Metric.withAttributes(metric, {
          token,
          ...(account === undefined ? {} : { account }),
          ...more
        })
        series.add(
          Metric.registerUnsafe(labelled, context, {
            get: () => ({ count: count(), incremental: true }),
            update: () => {},
            modify: () => {}
          })
        )
      }

      const make = (token: string, account: string | undefined): Sum => {
        const sum: Sum = {
          token,
          account,
          outcomes: { ok: 0, rejected: 0, "rate-limited": 0, failed: 0, cut: 0, left: 0 },
          bytes: 0,
          cacheHits: 0,
          upstreamRequests: 0,
          waitedMillis: 0,
          lastUsedAt: startedAt,
          told: new Set()
        }
        tell(metrics.bytes, sum, () => sum.bytes)
        tell(metrics.cacheHits, sum, () => sum.cacheHits)
        tell(metrics.upstreamRequests, sum, () => sum.upstreamRequests)
        tell(metrics.waited, sum, () => sum.waitedMillis / 1000)
        return sum
      }

      const sumOf = (token: string, account: string | undefined): Sum => {
        const own = sums.get(keyOf(token, account))
        if (own !== undefined) return own
        const isFull = sums.size - others >= MAX_SUMS
        const name = isFull ? OTHER : token
        const group = isFull && others >= MAX_SUMS && !sums.has(keyOf(OTHER, account)) ? OTHER : account
        const key = keyOf(name, group)
        const found = sums.get(key)
        if (found !== undefined) return found
        const made = make(name, group)
        sums.set(key, made)
        if (isFull) others += 1
        return made
      }

      const knownOf = ({ account, client = "", tokenId = "" }: Token): Known => {
        const found = known.get(tokenId)
        if (found !== undefined) return found
        // Tokens that are in use become known again.
        if (known.size >= MAX_IDS) known.clear()
        const made = { sum: sumOf(client, account), lastUsedAt: 0 }
        known.set(tokenId, made)
        return made
      }

      const usage = Usage.of({
        know: (token) => void knownOf(token),
        answered: (entry) => {
          if (entry.tokenId === undefined) return
          const token = knownOf(entry)
          const { sum } = token
          const outcome = outcomeOf(entry)
          sum.outcomes[outcome] += 1
          if (!sum.told.has(outcome)) {
            sum.told.add(outcome)
            tell(metrics.requests, sum, () => sum.outcomes[outcome], { outcome })
          }
          sum.bytes += entry.bytes
          if (isHit(entry.cache)) sum.cacheHits += 1
          token.lastUsedAt = now()
          sum.lastUsedAt = token.lastUsedAt
        },
        report: () => ({
          since: iso(startedAt),
          tokens: [...sums.values()].map(describe)
        }),
        lastUses: () =>
          new Map([...known].flatMap(([id, { lastUsedAt }]) => (lastUsedAt > 0 ? [[id, lastUsedAt]] : [])))
      })
      return Context.make(Usage, usage).pipe(
        Context.add(CurrentUpstreamUse, {
          requested: (owner) => {
            const token = known.get(owner)
            if (token !== undefined) token.sum.upstreamRequests += 1
          },
          waited: (owner, millis) => {
            const token = known.get(owner)
            if (token !== undefined) token.sum.waitedMillis += millis
          }
        })
      )
    })
  )
}

const keyOf = (token: string, account: string | undefined): string => `${account ?? ""}/${token}`

const outcomeOf = ({
  problem,
  status
}: {
  readonly status: number
  readonly problem: LogEntry["problem"]
}): Outcome => {
  if (status < 400) return problem === undefined ? "ok" : "cut"
  if (status === TOO_MANY) return "rate-limited"
  if (status === CLIENT_CLOSED) return "left"
  return status < 500 ? "rejected" : "failed"
}

/** Whether an answer was sent without waiting for the upstream. */
const isHit = (cache: string | undefined): boolean => cache === "hit" || cache === "stale" || cache === "stale-error"

const iso = (millis: number): string => new Date(millis).toISOString()

const describe = (sum: Sum): TokenUse => ({
  token: sum.token,
  ...(sum.account === undefined ? {} : { account: sum.account }),
  requests: outcomes.reduce((total, outcome) => total + sum.outcomes[outcome], 0),
  outcomes: { ...sum.outcomes },
  bytes: sum.bytes,
  cacheHits: sum.cacheHits,
  upstreamRequests: sum.upstreamRequests,
  waitingSeconds: Math.round(sum.waitedMillis) / 1000,
  lastUsed: iso(sum.lastUsedAt)
})
