/**
 * Who may ask the upstream next: one budget of requests in flight and requests a second, shared fairly among tokens.
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import { Claim } from "./Claim.ts"
import { Pace, type Turns } from "./Pace.ts"
import * as SteadyTime from "@hb-sessions/app-kit/SteadyTime"

/** A page that a client waits for, or one of the many that a whole list takes. */
export type WorkKind = "page" | "list"

/** For whom a request to the upstream is made. */
export interface Work {
  readonly claim: Claim
  readonly kind: WorkKind
}

/** The work that is being done. */
export const CurrentWork = Context.Reference<Work>("@hb-sessions/proxy/CurrentWork", {
  defaultValue: () => ({ claim: new Claim(""), kind: "page" })
})

/** What may be sent. */
export interface FairQueueOptions {
  /** Most requests in flight. */
  readonly concurrency: number
  /** Most requests a second; undefined for no limit. */
  readonly perSecond: number | undefined
  /** Makes what says when they may be sent, in place of a pace of its own; it calls back when that may have changed. */
  readonly paceOf?: ((onChange: () => void) => Turns) | undefined
  /** Told how long a turn was waited for. */
  readonly onWaited?: (owner: string, millis: number) => void
}

interface Ticket {
  /** When each of its owners came. */
  readonly entered: Map<string, number>
  readonly work: Work
  readonly turn: Deferred.Deferred<void>
  isGranted: boolean
}

const PAGES_IN_ROW = 7

/** What one token waits for, in order of arrival. */
class Line {
  readonly owner: string
  readonly tickets: Record<WorkKind, Set<Ticket>> = { page: new Set(), list: new Set() }
  /** Turns that it had, or would have had if it had been there all the time. */
  turns = 0
  /** When it had the last one. */
  servedAt = -Infinity
  private pagesInRow = 0

  constructor(owner: string) {
    this.owner = owner
  }

  get isEmpty(): boolean {
    return this.tickets.page.size === 0 && this.tickets.list.size === 0
  }

  /** Pages first, but one of eight turns is for lists: they would never end beside a token's own stream of pages. */
  next(): Ticket | undefined {
    const [page] = this.tickets.page
    const [list] = this.tickets.list
    const isPage = page !== undefined && (list === undefined || this.pagesInRow < PAGES_IN_ROW)
    this.pagesInRow = isPage ? this.pagesInRow + 1 : 0
    return isPage ? page : list
  }
}

/** Lines without a ticket are kept up to this number. */
const MAX_LINES = 1000

/**
 * Lines of tickets, one for each token, and turns that go round them.
 *
 * **Details**
 *
 * The next turn is that of the token which has had the fewest, counted from when it came: a token alone has all, and of
 * several that want more than there is each gets the same. One turn is held in reserve for those who take less than
 * half of their share, so that they need not wait for the next slot of the budget. A request that joins a shared fetch stands
 * in line for it too.
 */
export class FairQueue {
  private readonly concurrency: number
  private readonly lines = new Map<string, Line>()
  private readonly active = new Set<Line>()
  private readonly change = Latch.makeUnsafe()
  private readonly pace: Turns
  private readonly onWaited: (owner: string, millis: number) => void
  private inFlight = 0
  /** Tickets without a turn. */
  private waiting = 0
  /** The turns that the token which was served last had had before. */
  private turns = 0

  private constructor(options: FairQueueOptions) {
    this.concurrency = options.concurrency
    this.pace = options.paceOf?.(() => this.change.openUnsafe()) ?? new Pace(options.perSecond)
    this.onWaited = options.onWaited ?? (() => {})
  }

  /** Makes a queue that gives turns until the scope closes. */
  static readonly make = (options: FairQueueOptions): Effect.Effect<FairQueue, never, Scope.Scope> =>
    Effect.suspend(() => {
      const queue = new FairQueue(options)
      return Effect.as(Effect.forkScoped(Effect.forever(queue.giveTurns, { disableYield: true })), queue)
    })

  /** Runs an effect at the turn of the current work. */
  withTurn<A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.flatMap(CurrentWork, (work) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.clockWith((clock) => {
          const now = () => SteadyTime.nowUnsafe(clock)
          const ticket: Ticket = { work, turn: Deferred.makeUnsafe(), entered: new Map(), isGranted: false }
          for (const owner of work.claim.owners) this.enter(owner, ticket, now())
          this.waiting += 1
          this.change.openUnsafe()
          const forget = work.claim.onAdd((owner) => {
            if (ticket.isGranted) return
            this.enter(owner, ticket, now())
            this.change.openUnsafe()
          })
          return Effect.ensuring(
            restore(Effect.andThen(Deferred.await(ticket.turn), effect)),
            Effect.sync(() => {
              forget()
              if (ticket.isGranted) this.inFlight -= 1
              else this.withdraw(ticket, now())
              this.change.openUnsafe()
            })
          )
        })
      )
    )
  }

  /** The upstream limits the rate, and asks to wait for so many milliseconds from `now`, steady. */
  slowDown(now: number, waitMillis: number): void {
    this.pace.slowDown(now, waitMillis)
  }

  /** The upstream answered. */
  recover(): void {
    this.pace.recover()
  }

  /** Gives the turns that there are, then waits until there may be another. */
  private readonly giveTurns: Effect.Effect<void> = Effect.flatMap(SteadyTime.now, (now) => {
    this.change.closeUnsafe()
    for (;;) {
      const line = this.inFlight < this.concurrency ? this.first() : undefined
      if (line === undefined) return this.change.await
      // A timer has whole milliseconds.
      const wait = Math.ceil(this.pace.wait(now, this.isLight(line, now), this.wanted))
      if (wait > 0) return Effect.asVoid(Effect.timeoutOption(this.change.await, wait))
      this.serve(line, now)
    }
  })

  /** Requests that could be sent if there were turns. */
  private get wanted(): number {
    return Math.min(this.waiting, this.concurrency - this.inFlight)
  }

  private first(): Line | undefined {
    let first: Line | undefined
    for (const line of this.active) {
      if (
        first === undefined ||
        line.turns < first.turns ||
        (line.turns === first.turns && line.servedAt < first.servedAt)
      ) {
        first = line
      }
    }
    return first
  }

  private isLight({ servedAt }: Line, now: number): boolean {
    return now - servedAt >= 2 * this.active.size * this.pace.interval
  }

  private serve(line: Line, now: number): void {
    const ticket = line.next()
    if (ticket === undefined) return
    this.pace.take(now)
    this.turns = line.turns
    line.turns += 1
    line.servedAt = now
    ticket.isGranted = true
    this.inFlight += 1
    this.withdraw(ticket, now)
    Deferred.doneUnsafe(ticket.turn, Effect.void)
  }

  private enter(owner: string, ticket: Ticket, now: number): void {
    let line = this.lines.get(owner)
    if (line === undefined) {
      line = new Line(owner)
      this.lines.set(owner, line)
    }
    if (line.isEmpty) line.turns = Math.max(line.turns, this.turns)
    line.tickets[ticket.work.kind].add(ticket)
    this.active.add(line)
    ticket.entered.set(owner, now)
  }

  private withdraw(ticket: Ticket, now: number): void {
    this.waiting -= 1
    for (const [owner, at] of ticket.entered) this.onWaited(owner, now - at)
    for (const owner of ticket.work.claim.owners) {
      const line = this.lines.get(owner)
      if (line === undefined) continue
      line.tickets[ticket.work.kind].delete(ticket)
      if (!line.isEmpty) continue
      this.active.delete(line)
      if (this.lines.size > MAX_LINES) this.lines.delete(owner)
    }
  }
}
