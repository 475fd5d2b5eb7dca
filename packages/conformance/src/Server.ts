/**
 * A server over a changing list, and the network to it: the order of events is random, and a seed determines it.
 *
 * Every request goes through three events: the server counts the list, the server reads the rows (or the other way
 * round, or both at once), and the response arrives. The events of all requests happen in the order of random times, and
 * the list may change after each. Requests advance only when the reader has nothing left to do at once.
 */
import type { DecodedPage, UnreadableRow } from "@hb-sessions/core/SessionPage"
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import type { ListQuery } from "@hb-sessions/core/SessionsApi"
import type { Session } from "@hb-sessions/core/Session"
import { InvalidRequest, SessionsError, UpstreamUnavailable } from "@hb-sessions/core/SessionsError"
import { Effect } from "effect"
import type { Random } from "./random.ts"
import type { World } from "./World.ts"

export interface ServerOptions {
  readonly pageSize: number
  /** When the total is read: with the rows, before them or after them. */
  readonly totals: "atomic" | "before" | "after"
  /** What is wrong with every total: it ends at a bound, leaves out active sessions, or is less or more than it should be. */
  readonly wrongTotal: "none" | "capped" | "without-active" | "one-less" | "one-more"
  /** The share of responses without a total. */
  readonly missingTotals: number
  /** What comes past the last page: nothing, HTTP 400, the last page under its own number, or under the one asked for. */
  readonly pastEnd: "empty" | "rejected" | "clamped" | "clamped-silently"
  /** Whether responses tell their page and page size. */
  readonly tellsPage: boolean
  readonly tellsPageSize: boolean
  /** Whether the page size that is told is twice what a page holds. */
  readonly doublesPageSize: boolean
  /** What is added to the number of the page that is told: -1 for a server that counts from 0. */
  readonly pageOffset: number
  /** Changes of the list after each event. */
  readonly changeRate: number
  /** The share of requests that take much longer, as if they were retried. */
  readonly slow: number
  /** The share of requests for a page after the first that are answered with another page, which says so. */
  readonly wrongPage: number
  /** The share of requests that fail. */
  readonly failing: number
  /** Whether rows without a usable id read alike. */
  readonly readsAlike: boolean
  /** After how many responses the page size grows by one; 0 for never. */
  readonly resizeAfter: number
}

/** The id of a row without a usable one, which only the world knows; the same for all rows that read alike. */
export const hiddenId = ({ row }: UnreadableRow): string =>
  typeof row === "object" && row !== null && "label" in row ? String(row.label) : ""

/** How many pages a capped total counts. */
export const CAPPED_PAGES = 4

interface Event {
  readonly time: number
  readonly run: () => void
}

export class Server {
  requests = 0
  responses = 0
  /** Requests that the reader still waits for. */
  inFlight = 0
  maxInFlight = 0
  /** Responses that said a page other than the one asked for. */
  wrongPages = 0

  readonly #world: World
  readonly #options: ServerOptions
  readonly #random: Random
  readonly #events: Array<Event> = []
  #time = 0
  #isPumping = false

  constructor(world: World, options: ServerOptions, random: Random) {
    this.#world = world
    this.#options = options
    this.#random = random
  }

  readonly client = SessionsClient.of({
    getPage: (query) =>
      Effect.callback<DecodedPage, SessionsError>((resume) => {
        this.requests++
        this.inFlight++
        this.maxInFlight = Math.max(this.maxInFlight, this.inFlight)
        let isOpen = true
        const close = () => {
          if (isOpen) this.inFlight--
          isOpen = false
        }
        // On its way to the reader, a response is as old as the change of this turn of the event loop.
        this.#serve(query, (result) =>
          setImmediate(() => {
            close()
            resume(result)
          })
        )
        return Effect.sync(close)
      }),
    getPageResponse: () => Effect.die("not used")
  })

  #serve(query: ListQuery, done: (result: Effect.Effect<DecodedPage, SessionsError>) => void): void {
    const random = this.#random
    const { totals } = this.#options
    const { page = 1 } = query
    const isWrong = page > 1 && random.chance(this.#options.wrongPage)
    const served = isWrong ? { ...query, page: page === 2 ? 1 : page - 1 } : query
    const delay = () => 1 + random.below(20) + (random.chance(this.#options.slow) ? random.below(200) : 0)
    let total = 0
    let answer: DecodedPage | undefined
    const count = () => {
      total = this.#total(query.status)
    }
    const read = () => {
      answer = this.#page(served)
    }
    const [first, second] =
      totals === "before" ? [count, read] : totals === "after" ? [read, count] : [() => (count(), read()), () => {}]
    this.#after(delay(), () => {
      first()
      this.#after(random.below(5), () => {
        second()
        this.#after(delay(), () => {
          this.responses++
          if (isWrong) this.wrongPages++
          done(this.#respond(page, answer, total))
        })
      })
    })
  }

  /** What a server says that its list holds. */
  #total(status: string | undefined): number {
    const rows = this.#world.view(status)
    switch (this.#options.wrongTotal) {
      case "capped":
        return Math.min(rows.length, CAPPED_PAGES * this.#options.pageSize)
      case "without-active":
        return rows.filter((row) => row.status !== "active").length
      case "one-less":
        return Math.max(0, rows.length - 1)
      case "one-more":
        return rows.length + 1
      case "none":
        return rows.length
    }
  }

  #respond(page: number, answer: DecodedPage | undefined, total: number): Effect.Effect<DecodedPage, SessionsError> {
    const { failing, missingTotals } = this.#options
    if (this.#random.chance(failing)) {
      const reason = new UpstreamUnavailable({ kind: "status", status: 503, attempts: 6, detail: "" })
      return Effect.fail(new SessionsError({ page, reason }))
    }
    if (answer === undefined) {
      return Effect.fail(
        new SessionsError({ page, reason: new InvalidRequest({ status: 400, detail: "no such page" }) })
      )
    }
    return Effect.succeed(this.#random.chance(missingTotals) ? answer : { ...answer, totalCount: total })
  }

  /** Undefined for a page that the server rejects. */
  #page({ limit, page = 1, status }: ListQuery): DecodedPage | undefined {
    const { doublesPageSize, pageOffset, pastEnd, resizeAfter, tellsPage, tellsPageSize } = this.#options
    const grown = resizeAfter > 0 && this.responses >= resizeAfter ? 1 : 0
    const pageSize = (limit ?? this.#options.pageSize) + grown
    const rows = this.#world.view(status)
    const last = Math.max(1, Math.ceil(rows.length / pageSize))
    const isClamped = page > last && (pastEnd === "clamped" || pastEnd === "clamped-silently")
    if (page > last && pastEnd === "rejected") return undefined
    const shown = isClamped ? last : page
    const onPage = rows.slice((shown - 1) * pageSize, shown * pageSize)
    const unreadableRows = onPage.flatMap((row, index) =>
      this.#world.isReadable(row.id) ? [] : [this.#unreadable(row, shown, index)]
    )
    return {
      // A copy of each row: the world changes them.
      sessions: onPage.filter(({ id }) => this.#world.isReadable(id)).map((row) => ({ ...row })),
      ...(unreadableRows.length === 0 ? {} : { unreadableRows }),
      ...(tellsPage ? { page: (pastEnd === "clamped-silently" ? page : shown) + pageOffset } : {}),
      ...(tellsPageSize ? { pageSize: doublesPageSize ? 2 * pageSize : pageSize } : {})
    }
  }

  #unreadable({ createdAt, id, status }: Session, page: number, index: number): UnreadableRow {
    const row = this.#options.readsAlike ? { id: null } : { id: null, label: id, createdAt, status }
    return { page, index, path: `sessions[${index}].id`, reason: "id-missing", row }
  }

  #after(delay: number, run: () => void): void {
    this.#events.push({ time: this.#time + delay, run })
    this.#pump()
  }

  /** One event a turn of the event loop: whatever the reader does about it is done before the next one. */
  #pump(): void {
    if (this.#isPumping) return
    this.#isPumping = true
    setImmediate(() =>
      setImmediate(() => {
        this.#isPumping = false
        let next = 0
        for (const [index, event] of this.#events.entries()) {
          if (event.time < this.#events[next]!.time) next = index
        }
        const [event] = this.#events.splice(next, 1)
        if (event === undefined) return
        this.#time = event.time
        event.run()
        if (this.#random.chance(this.#options.changeRate)) this.#world.change()
        if (this.#events.length > 0) this.#pump()
      })
    )
  }
}
