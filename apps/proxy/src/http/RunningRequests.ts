/**
 * The requests that a fiber works on: how many there may be, and what ends them early.
 */
import type { Authentication } from "../access/Authentication.ts"
import { FairPlaces, type Occupant } from "../access/FairPlaces.ts"
import type { Client } from "../access/Token.ts"
import * as Metrics from "../operations/Metrics.ts"
import type { Work } from "../routes/Route.ts"
import type { UpstreamAccount } from "../upstream/UpstreamAccount.ts"
import type { Exchange } from "./Exchange.ts"
import { reject } from "./Problem.ts"

/** What runs requests. */
export interface RunningOptions {
  /** Most pages that wait for the upstream. */
  readonly maxConcurrent: number
  /** Most scans. */
  readonly maxStreams: number
  /** Most streams of events. */
  readonly maxWatchers: number
  /** Does what a fiber must do; calls back when the exchange is over. Returns a function that ends it before that. */
  readonly run: (exchange: Exchange, work: Work, account: UpstreamAccount, onEnd: () => void) => () => void
}

/** Requests under way, by token. */
export class RunningRequests {
  private readonly pages: FairPlaces
  private readonly scans: FairPlaces
  private readonly watchers: FairPlaces
  private readonly running = new Set<{ readonly exchange: Exchange; readonly client: Client; end: () => void }>()
  private readonly run: RunningOptions["run"]

  constructor({ maxConcurrent, maxStreams, maxWatchers, run }: RunningOptions) {
    this.pages = new FairPlaces({ max: maxConcurrent, extra: 0, yields: "all" })
    this.scans = new FairPlaces({ max: maxStreams, extra: maxStreams, yields: "blocked" })
    this.watchers = new FairPlaces({ max: maxWatchers, extra: maxWatchers, yields: "blocked" })
    this.run = run
  }

  /** Requests under way. */
  get size(): number {
    return this.pages.size + this.scans.size + this.watchers.size
  }

  /** Hands over to a fiber, unless too many are at work. */
  start(exchange: Exchange, client: Client, work: Work, account: UpstreamAccount): void {
    const entry = { exchange, client, end: () => {} }
    const occupant: Occupant = {
      get blockedSince() {
        return exchange.blockedSince
      },
      giveWay: () => {
        Metrics.count(Metrics.gaveWay)
        exchange.fail(overloaded)
        entry.end()
      }
    }
    const place = this.placesFor(work).take(client.id, occupant, performance.now(), client.account)
    if (place === undefined) return exchange.reject(overloaded)
    this.running.add(entry)
    entry.end = this.run(exchange, work, account, () => {
      this.running.delete(entry)
      place.leave()
    })
  }

  private placesFor(work: Work): FairPlaces {
    if (work._tag === "Streamed" && work.isWatch === true) return this.watchers
    return work.kind === "page" ? this.pages : this.scans
  }

  /** Ends what is under way for tokens that have ended, or allow less than before. */
  endUnallowed(authentication: Authentication): void {
    for (const { client, end, exchange } of this.running) {
      const rejection = authentication.lost(client)
      if (rejection === undefined) continue
      Metrics.count(Metrics.tokenEnded)
      exchange.fail(rejection)
      end()
    }
  }
}

const overloaded = reject("overloaded", "too many requests are in progress; try again in a moment", {
  headers: { "retry-after": "1" }
})
