/**
 * Reads pages for a scan: one pass of the list, or some pages once more.
 */
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import type { SessionPage } from "../../SessionPage.ts"
import type { SessionsClient } from "../../SessionsClient.ts"
import { PageMismatch, PaginationStuck, SessionsError } from "../../SessionsError.ts"
import { duplicates, rowsRead } from "./metrics.ts"
import type { Answer, Taken, Ticket } from "./Answer.ts"
import { inOrder } from "./inOrder.ts"
import type { Scan } from "./Scan.ts"

export type Pages = Stream.Stream<Taken, SessionsError>

/** Yields what to read; goes on when all of it has been taken, and returns what came of it. */
export type Step<A> = Generator<Pages, A, void>

export interface ReaderOptions {
  readonly client: SessionsClient["Service"]
  readonly scan: Scan
  /** Most pages in flight. */
  readonly concurrency: number
  /** A page of a higher number is not asked for. */
  readonly maxPages: number
}

/** Most passes that begin again because the size of the pages changed. */
const MAX_RESTARTS = 3

/** Most times that a page is asked for which may or may not be past the end. */
const MAX_ATTEMPTS = 4

/** How many pages a list can become shorter by while one of its pages is read. */
const NEAR_THE_END = 2

export interface PassOptions {
  /** The first page to read, 1-based. */
  readonly from: number
  readonly isListing: boolean
  /** Whether the page after a full last page is read too, which refutes a total that is too low; no by default. */
  readonly looksPastEnd?: boolean
  /** A page that is read right before the others, in a pass that is no listing; none by default. */
  readonly ahead?: number | undefined
}

/** No answer to a request: final, or perhaps because its page is past the end. */
interface Rejection {
  readonly error: SessionsError
  readonly isFinal: boolean
}

export class Reader {
  readonly scan: Scan
  readonly concurrency: number
  /** The number that the server gives the first page; undefined until it told one. */
  #firstPage: 0 | 1 | undefined
  readonly #options: ReaderOptions
  readonly #slots: Semaphore.Semaphore
  /** The last page, as it was read right after the first one, until its turn in the pass. */
  #lastAnswer: Answer | undefined
  /** Whether a page was not asked for because the read is stopped. */
  isCut = false
  #isAskedToStop = false

  constructor(options: ReaderOptions) {
    this.#slots = Semaphore.makeUnsafe(options.concurrency)
    this.scan = options.scan
    this.concurrency = options.concurrency
    this.#options = options
  }

  /** From now on no further page is asked for than it takes to have made progress. */
  stop(): void {
    this.#isAskedToStop = true
  }

  /**
   * Whether the read ends before its end. Each one takes a page before it does: in a pass that is progress. Outside of
   * one it may be too little to prove anything with, so each read in a row that was stopped there takes one page more.
   */
  get isStopped(): boolean {
    return this.#isAskedToStop && this.scan.taken > this.scan.restarts
  }

  #cutIfStopped(): boolean {
    this.isCut ||= this.isStopped
    return this.isCut
  }

  /** Reads from a page to the end of the list, in order; ends where the list does, or where the pass has to restart. */
  pass({ ahead, from, isListing, looksPastEnd = false }: PassOptions): Pages {
    return Stream.suspend(() => {
      const { scan } = this
      scan.beginPass(from, isListing, looksPastEnd)
      this.#lastAnswer = undefined
      // An earlier pass told how many pages there are, unless it ended before the list did.
      if (!isListing && !scan.stoppedEarly) return this.#restAfter(ahead)
      // Else the first page does, so that no request is sent for a page that is not there.
      return Stream.concat(this.#next, isListing && looksPastEnd ? Stream.concat(this.#anchor, this.#rest) : this.#rest)
    })
  }

  /** Passes until the page size stays the same for a whole one. */
  *wholePass(options: PassOptions): Step<void> {
    yield this.pass(options)
    yield* this.#again(options)
  }

  *#again(options: PassOptions): Step<void> {
    for (let restarts = 0; this.scan.pass.newPageSize !== undefined; restarts++) {
      if (restarts === MAX_RESTARTS)
        yield Stream.fail(stuck(1, `the size of the pages changed ${MAX_RESTARTS + 1} times`))
      yield this.pass({ ...options, from: 1, ahead: undefined })
    }
  }

  /** Finishes a pass that was cut off, from the page after the last one that was read. */
  *finishPass(): Step<void> {
    const { pass } = this.scan
    const { isListing, reached } = pass
    if (reached === 0) {
      yield* this.wholePass({ from: 1, isListing })
      return
    }
    if (!pass.isEnded) {
      pass.next = reached + 1
      yield* this.#goOn()
      yield this.#rest
    }
    yield* this.#again({ from: 1, isListing })
  }

  /**
   * Reads the next page, and what rows may have moved to between the two reads.
   *
   * A total that changed tells how far the last row may have moved. If up, the pages from there on are read again; if
   * down, as sessions entered at the head, the pages above it are left out. Where the first row of the page that should
   * have the last one is not known in this pass, pages before it are read until one is. A proof does not rest on this.
   */
  *#goOn(): Step<void> {
    const { scan } = this
    const { pass } = scan
    const { last, reached } = pass
    if (pass.next > scan.lastPage) return
    let latest = (yield* taking(this.#next)).at(-1)
    const { pageSize, total } = scan
    if (pageSize === undefined || total === last?.total) return
    const moved = total === undefined || last?.total === undefined ? 0 : total - last.total
    const shift = moved < 0 || scan.observer.order === "newest-first" ? moved : 0
    const place = Math.max(1, Math.floor((reached * pageSize - 1 + shift) / pageSize) + 1)
    if (place > reached + 1) {
      pass.next = Math.min(place, scan.lastPage)
      latest = (yield* taking(this.#next)).at(-1)
    }
    if (place <= reached) latest = (yield* this.again([place])).at(-1)
    let isKnown = latest?.isFirstKnown ?? true
    const end = Math.min(reached, scan.lastPage)
    const between = Array.from({ length: Math.max(0, end - place) }, (_, at) => place + 1 + at)
    if (between.length > 0) yield* this.again(between)
    for (let page = place - 1; page > 0 && !isKnown; page--) {
      const [taken] = yield* this.again([page])
      isKnown = taken?.isFirstKnown ?? true
    }
  }

  /** Reads some pages once more; what is new on them comes in their order. Returns what was taken. */
  *again(pages: ReadonlyArray<number>): Step<ReadonlyArray<Taken>> {
    const { concurrency, scan } = this
    const answers = Stream.suspend(() => {
      const left = pages.values()
      const next = () => (this.#cutIfStopped() ? undefined : left.next().value)
      return inOrder({ next, concurrency, run: (page) => this.#ask(page) })
    })
    return yield* taking(Stream.mapEffect(answers, (answer) => counted(scan, () => scan.take(answer, false))))
  }

  /** Asks for a page for the sake of its total. */
  *peek(page: number): Step<void> {
    yield Stream.fromEffectDrain(Effect.suspend(() => this.#ask(page)))
  }

  readonly #next: Pages = Stream.suspend(() => {
    let isAsked = false
    return this.#run(() => {
      if (isAsked) return undefined
      isAsked = true
      return this.scan.pass.next++
    })
  })

  /** Where the last row of a list that is oldest first is, before the rest is read: if rows leave meanwhile, it moves up. */
  readonly #anchor: Pages = Stream.suspend(() => {
    const { scan } = this
    const { lastPage, pass } = scan
    const isUseful = scan.observer.order === "oldest-first" && !pass.isEnded && lastPage > 1 && lastPage < Infinity
    if (!isUseful || scan.query.isFiltered) return Stream.empty
    return Stream.fromEffectDrain(
      Effect.map(this.#ask(lastPage), (answer) => {
        scan.anchor(answer)
        this.#lastAnswer = answer
      })
    )
  })

  /** The list can grow while its last pages are read, so the end is looked for until it is found. */
  readonly #rest: Pages = Stream.suspend(() => this.#restAfter(undefined))

  #restAfter(ahead: number | undefined): Pages {
    const { scan } = this
    const { pass } = scan
    const isOver = () =>
      pass.isEnded || pass.next > scan.lastPage || (!pass.isListing && scan.isSpent) || this.#cutIfStopped()
    if (isOver()) return Stream.empty
    return Stream.concat(
      this.#run(() => (isOver() ? undefined : pass.next++), ahead),
      this.#rest
    )
  }

  #run(next: () => number | undefined, ahead?: number): Pages {
    const { concurrency, scan } = this
    const { pass } = scan
    const pages = ahead === undefined ? [] : [ahead]
    let left = pages.length
    const answers = inOrder({
      next: () => pages.shift() ?? next(),
      concurrency,
      run: (page) => this.#askInPass(page),
      isOver: () => pass.isEnded
    })
    return Stream.mapEffect(answers, (answer) => {
      if (left-- > 0) return counted(scan, () => scan.take(answer, false))
      return pass.repeats(answer)
        ? Effect.flatMap(this.#checkRepeat(answer), (checked) => this.#takeInPass(checked))
        : this.#takeInPass(answer)
    })
  }

  #takeInPass(answer: Answer): Effect.Effect<Taken, SessionsError> {
    const { scan } = this
    return Effect.filterOrFail(
      counted(scan, () => scan.take(answer, true)),
      () => !scan.isRepeating,
      ({ page }) => stuck(page, `${scan.pass.stalePages} pages in a row had no session that was not read before`)
    )
  }

  /** The last page is not asked for twice, unless sessions came that may be on it. */
  #askInPass(page: number): Effect.Effect<Answer, SessionsError> {
    return Effect.suspend(() => {
      const answer = this.#lastAnswer
      return answer?.page === page && !this.scan.totals.changed ? Effect.succeed(answer) : this.#ask(page)
    })
  }

  #ask(page: number, attempt = 1): Effect.Effect<Answer, SessionsError> {
    const { client, maxPages, scan } = this.#options
    if (page > maxPages) return Effect.fail(stuck(page, `the list did not end within ${maxPages} pages${told(scan)}`))
    return Effect.suspend(() => {
      const ticket = scan.ask(page)
      return client.getPage({ ...scan.query.sent, page }).pipe(
        Effect.map((response) => this.#accept(ticket, response)),
        Effect.catchIf(
          (error) => error.reason._tag === "InvalidRequest" && page > 1,
          (error) => Effect.succeed({ error, isFinal: false })
        )
      )
    }).pipe(
      this.#slots.withPermit,
      Effect.flatMap((answer) => this.#resolve(page, answer, attempt))
    )
  }

  /**
   * An answer for another page would be taken for this one's rows. A server that calls its first page 0 is understood, as
   * long as it calls every other one by a number that is lower by one too.
   */
  #accept(ticket: Ticket, response: SessionPage): Answer | Rejection {
    const { scan } = this
    const { page } = ticket
    const told = response.page
    if (told === undefined) return scan.complete(ticket, response)
    if (page === 1) this.#firstPage ??= told === 0 ? 0 : 1
    const received = told + 1 - (this.#firstPage ?? 1)
    if (scan.rules.isEcho(page, received)) return scan.complete(ticket, response)
    const last = scan.lastPageOf(response)
    const detail = this.#firstPage === 0 ? { detail: "the server called its first page 0" } : {}
    return {
      error: new SessionsError({ page, reason: new PageMismatch({ requested: page, received: told, ...detail }) }),
      // A scan that goes on from a later page has not heard yet what the server calls its first one.
      isFinal:
        page === 1 ||
        (this.#firstPage !== undefined && (received > page || (last < Infinity && received < last - NEAR_THE_END)))
    }
  }

  /**
   * Past the end some servers answer 400, and others the last page again under its own number: that is the end, not a
   * failure. The list may have become shorter since its length was heard of, so that is asked for once more.
   */
  #resolve(page: number, answer: Answer | Rejection, attempt: number): Effect.Effect<Answer, SessionsError> {
    const { scan } = this
    if (!("error" in answer)) return Effect.succeed(answer)
    const { error, isFinal } = answer
    if (isFinal) return Effect.fail(error)
    const absent = Effect.sync(() => scan.absent(page))
    if (scan.isBeyond(page)) return absent
    return Effect.flatMap(this.#ask(1), (first) => {
      scan.resize(first)
      if (scan.isBeyond(page)) return absent
      return attempt < MAX_ATTEMPTS ? this.#ask(page, attempt + 1) : Effect.fail(error)
    })
  }

  /** Two pages with the same rows: the list moved by a whole page in between, or the server ignores the page number. */
  #checkRepeat(answer: Answer): Effect.Effect<Answer, SessionsError> {
    const { scan } = this
    const { pass } = scan
    const { page } = answer
    const accepted = Effect.succeed(answer)
    // Its rows are those of the last page, so past the end there is none.
    const end = Effect.succeed<Answer>({ ...answer, sessions: [] })
    if (
      scan.total === undefined ? pass.isClamped(answer, scan.pageSize) : scan.isBeyond(page, answer.total ?? scan.total)
    )
      return end
    return Effect.forEach([page - 1, page, page - 1], (again) => this.#ask(again)).pipe(
      Effect.flatMap((answers) => {
        if (!answers.every((other) => hasSameRows(other, answer))) return accepted
        // Rows that read alike make pages that do; whether they repeat nothing tells.
        if (answer.unreadable?.size === answer.sessions.length) return accepted
        // Past the end some servers give the last page again, and the list may just have become shorter.
        return answers.some(({ total }) => total !== undefined && scan.isBeyond(page, total))
          ? end
          : Effect.fail(stuck(page, `pages ${page - 1} and ${page} have the same rows`))
      })
    )
  }
}

/** A step that returns what was taken in it. */
function* taking(pages: Pages): Step<ReadonlyArray<Taken>> {
  const all: Array<Taken> = []
  yield Stream.tap(pages, (taken) => Effect.sync(() => all.push(taken)))
  return all
}

const hasSameRows = (a: Answer, b: Answer): boolean =>
  a.sessions.length === b.sessions.length && a.sessions.every(({ id }, index) => id === b.sessions[index]?.id)

/** What the totals said, to understand a list that does not end. */
const told = ({ totals: { first, last, odd } }: Scan): string =>
  last === undefined
    ? odd === undefined
      ? ""
      : `: totalCount is ${odd}`
    : last === first
      ? `: totalCount is ${last}`
      : `: totalCount went from ${first} to ${last} meanwhile`

const stuck = (page: number, detail: string) => new SessionsError({ page, reason: new PaginationStuck({ detail }) })

const counted = (scan: Scan, take: () => Taken): Effect.Effect<Taken> =>
  Effect.withFiber(({ context }) => {
    const before = { rows: scan.rowsRead, duplicates: scan.duplicates }
    const taken = take()
    rowsRead.updateUnsafe(scan.rowsRead - before.rows, context)
    duplicates.updateUnsafe(scan.duplicates - before.duplicates, context)
    return Effect.succeed(taken)
  })
