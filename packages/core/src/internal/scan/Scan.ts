/**
 * What one read of the list knows: the ids it met, the responses it got, and what they said.
 *
 * No I/O. `ask` and `complete` number the events of a request, `take` takes the rows of an answer in the order of the
 * pages. All of them run to their end at once, so the numbers are in the order of the events.
 */
import type { Session } from "../../Session.ts"
import type { DecodedPage, UnreadableRow } from "../../SessionPage.ts"
import type { Answer, Taken, Ticket } from "./Answer.ts"
import type { Delivered } from "./Delivered.ts"
import { IdTable } from "./IdTable.ts"
import { IgnoredValues } from "./IgnoredValues.ts"
import { ListBounds } from "./ListBounds.ts"
import { Listed } from "./Listed.ts"
import { OrderObserver } from "./ListOrder.ts"
import { asPageSize } from "./PageSize.ts"
import { Pass } from "./Pass.ts"
import type { Query } from "./Query.ts"
import { Responses } from "./Responses.ts"
import type { Rules } from "./Rules.ts"
import type { ScanLog } from "./ScanLog.ts"
import type { Position } from "./token.ts"
import { rowsOf } from "./unreadable.ts"

/** After so many responses a read without `since` is one of the whole list, rather than of its first rows. */
const RESPONSES_BEFORE_ROOM = 4

export class Scan extends ListBounds {
  readonly query: Query
  readonly rules: Rules
  readonly delivered: Delivered | undefined

  responses = new Responses()
  observer = new OrderObserver()

  readonly ignored = new IgnoredValues()
  driftSeen = false

  passes = 0
  rowsRead = 0
  duplicates = 0
  emitted = 0
  /** Different rows without a usable id. */
  unreadable = 0
  /** Whether some of those could not be told apart. */
  hasAlikeRows = false
  /** Keeps what is learned; undefined when the caller did not ask for it. */
  log: ScanLog | undefined
  /** Whether each step tells where the read stands, for a token. */
  givesPositions = false
  /** How often the scan was interrupted since it took a page in a pass. */
  restarts = 0
  /** Pages that were taken since the scan began, or was restored. */
  taken = 0

  #knewNothing = true
  #clock = 0
  readonly #listed = new Listed()

  constructor(query: Query, rules: Rules, delivered: Delivered | undefined) {
    super()
    this.query = query
    this.rules = rules
    this.delivered = delivered
  }

  /** Continues the position of a token: the rows that it names are in it already. */
  continueFrom(position: Position): void {
    this.#listed.continueFrom(position)
  }

  /** Begins all over, but for what was counted: what was met until now proves nothing for the rows held back. */
  forget(): void {
    this.driftSeen = true
    this.delivered?.giveUpDigest()
    this.table = new IdTable()
    this.responses = new Responses()
    this.observer = new OrderObserver()
    this.totals.forget()
    this.#listed.forget()
    this.ignored.forget()
    this.stoppedEarly = false
    this.unreadable = 0
    this.hasAlikeRows = false
  }

  /** Whether a pass that proves goes on to the page after a full last one; a list that did not move was looked at there. */
  looksPastEnd(isListing: boolean): boolean {
    return this.rules.looksPastEnd && (isListing || this.driftSeen)
  }

  /** A listing is the pass that gives the rows in the order of the list; what any other one finds is late. */
  beginPass(from: number, isListing: boolean, looksPastEnd: boolean): void {
    this.passes++
    if (isListing) this.stoppedEarly = false
    this.#knewNothing = this.table.size === 0
    this.pass = new Pass({ from, start: this.responses.length, isListing, looksPastEnd, clock: this.#clock })
    this.log?.pass(from, isListing)
  }

  /** The pass ends before its last page. */
  endPass(): void {
    this.pass.isEnded = true
    this.log?.end()
  }

  ask(page: number): Ticket {
    this.requests++
    return { page, asked: ++this.#clock, known: this.table.size, floor: this.totals.largest }
  }

  /** Notes a response; its rows count when they are taken. */
  complete({ asked, floor, known, page }: Ticket, response: DecodedPage): Answer {
    const total = this.totals.read(response.totalCount)
    const pageSize = asPageSize(response.pageSize)
    const completed = ++this.#clock
    const { hasAlike, sessions, unreadable } = rowsOf(response)
    this.hasAlikeRows ||= hasAlike
    const hasIgnored = response.ignoredValues !== undefined
    this.ignored.addPage(response)
    const said = { page, asked, completed, total, known, sessions, unreadable, hasIgnored, pageSize }
    const answer = this.#note(said, { floor, rows: sessions.length })
    this.log?.response(answer, floor)
    return answer
  }

  /** Notes a response that was complete before the scan was interrupted. */
  restoreResponse(said: Omit<Answer, "index">, seen: { readonly floor: number; readonly rows: number }): Answer {
    this.requests++
    this.#clock = Math.max(this.#clock, said.completed)
    return this.#note(said, seen)
  }

  #note(said: Omit<Answer, "index">, { floor, rows }: { readonly floor: number; readonly rows: number }): Answer {
    const { known, total } = said
    const answer: Answer = { ...said, index: this.responses.add(said) }
    this.size.learn(answer, rows, total ?? this.total)
    if (total === undefined) return answer
    this.totals.note(total, { floor, known })
    const isWhole = this.query.since === undefined && this.responses.length === RESPONSES_BEFORE_ROOM
    if (isWhole) this.table.reserve(total)
    return answer
  }

  /** Notes that the size of the pages changed, which makes their numbers mean other rows. */
  resize(answer: Answer): void {
    if (this.#learnResize(answer)) this.log?.resized(this.pageSize ?? 0)
  }

  #learnResize({ pageSize }: Answer): boolean {
    if (!this.size.differsFrom(pageSize)) return false
    this.setPageSize(pageSize)
    return true
  }

  setPageSize(pageSize: number): void {
    this.size.value = pageSize
    this.pass.newPageSize = pageSize
  }

  /** The answer to a page that the server says does not exist. */
  absent(page: number): Answer {
    const asked = ++this.#clock
    const completed = ++this.#clock
    const missing = { total: undefined, index: undefined, pageSize: undefined, unreadable: undefined }
    return { page, asked, completed, known: this.table.size, sessions: [], hasIgnored: false, ...missing }
  }

  /** Takes the rows of an answer: in a pass in the order of the pages, else after all earlier answers were taken. */
  take(answer: Answer, inPass: boolean): Taken {
    const isListed = inPass && this.pass.isListing
    const sessions: Array<Session> = []
    const unreadableRows: Array<UnreadableRow> = []
    const repeated: Array<Session> = []
    const before = this.table.size
    const readAt = this.rules.readAt(answer)
    const [first] = answer.sessions
    const isFirstKnown = first !== undefined && this.table.lastOf(first.id) > this.pass.clock
    this.delivered?.recognise(answer.sessions.map(({ id }) => id))
    for (const session of answer.sessions) {
      const isNew = this.table.record(session.id, readAt, answer.asked)
      const row = answer.unreadable?.get(session.id)
      if (row !== undefined) this.#noteUnreadable({ isNew, isListed })
      // Of two answers the one that was asked for later has the later state, whichever was taken first.
      if (!isNew && this.log !== undefined && this.table.lastOf(session.id) === answer.asked) repeated.push(session)
      if (!this.rules.isEmitted(isNew)) continue
      if (answer.hasIgnored) this.ignored.addSession(session)
      const isHeld = this.delivered?.holdsBack(session.id) ?? false
      if (isListed && !(isHeld && this.#listed.isContinued)) this.#append(session)
      if (isHeld) continue
      if (row !== undefined) {
        unreadableRows.push(row)
        if (!isListed && this.givesPositions) this.#listed.addLate(session.id)
        continue
      }
      if (!this.query.matches(session)) continue
      sessions.push(session)
      if (!isListed && this.givesPositions) this.#listed.addLate(session.id)
    }
    const fresh = this.table.size - before
    if (answer.index !== undefined) {
      const known = inPass && this.#knewNothing ? answer.sessions.length - fresh : undefined
      this.responses.take(answer.index, known, fresh)
    }
    if (answer.page < this.lastPage) this.pass.checkEven(answer, this.pageSize)
    if (answer.sessions.length > 0) this.mostPages = Math.max(this.mostPages, answer.page)
    this.totals.checkPlaces(answer, this.pageSize)
    this.rowsRead += answer.sessions.length
    this.duplicates += answer.sessions.length - fresh
    this.driftSeen ||= this.totals.changed || (isListed ? fresh < answer.sessions.length : fresh > 0)
    this.emitted += sessions.length
    this.taken++
    if (inPass) this.restarts = 0
    this.log?.rows(answer, inPass)
    this.log?.unreadable(this.unreadable, this.hasAlikeRows)
    if (inPass) this.#advance(answer, fresh)
    const learned = this.log?.flush() ?? nothing
    const { page } = answer
    const position = this.givesPositions ? this.#position() : undefined
    return { page, sessions, unreadableRows, repeated, learned, position, answer, fresh, isFirstKnown }
  }

  /** Goes on behind all events of before. */
  restoreClock(): void {
    this.#clock = this.rules.restoredClock(this.#clock)
  }

  /** Takes the rows of an answer that was taken before the scan was interrupted. */
  restoreRows(answer: Answer, inPass: boolean): void {
    this.#clock = Math.max(this.#clock, answer.completed)
    const { emitted } = this
    this.take(answer, inPass)
    this.emitted = emitted
    this.taken = 0
  }

  /** One that was listed before is that row, moved, or another one that reads alike. */
  #noteUnreadable({ isListed, isNew }: { readonly isNew: boolean; readonly isListed: boolean }): void {
    if (isNew) this.unreadable++
    else if (isListed) this.hasAlikeRows = true
  }

  #advance(answer: Answer, fresh: number): void {
    const { pass } = this
    pass.take(answer, { fresh, pageSize: this.pageSize, total: this.total })
    if (this.size.isTold && !this.#countsRows(answer)) this.#learnResize(answer)
    if (pass.newPageSize !== undefined) pass.isEnded = true
    if (!pass.isListing) {
      if (this.stoppedEarly && this.#isOld(answer)) pass.isEnded = true
      return
    }
    if (answer.page === 1) this.#expectNoneNewer(answer)
    this.#listed.reach(pass.reached)
    if (this.#isOld(answer)) this.stoppedEarly = true
    if (this.stoppedEarly || this.delivered?.isMismatch === true) pass.isEnded = true
  }

  /** Some servers call the number of rows on the page its size: on the last page that is no change. */
  #countsRows({ page, pageSize, sessions }: Answer): boolean {
    return page >= this.lastPage && pageSize === sessions.length
  }

  #append(session: Session): void {
    this.observer.add(session)
    if (this.givesPositions) this.#listed.add(session.id)
  }

  /** The newest session of a list that is newest first is on its first page. */
  #expectNoneNewer({ sessions }: Answer): void {
    if (this.observer.order !== "newest-first") return
    this.observer.expectNone({ newerThan: sessions.find(({ createdAt }) => createdAt !== undefined)?.createdAt })
  }

  /** Notes the last row of the list, as it is right after the first page was read. */
  anchor({ page, sessions, total }: Answer): void {
    const last = sessions.at(-1)
    if (last === undefined) return
    this.pass.anchor = { id: last.id, page, index: sessions.length - 1, total }
    this.pass.anchorIds = sessions.map(({ id }) => id)
    this.observer.expectNone({ newerThan: last.createdAt })
  }

  /** Whether all rows are older than what was asked for, and so will be all that follow. */
  #isOld(answer: Answer): boolean {
    const { since } = this.query
    return since !== undefined && this.observer.isBelow(since, answer)
  }

  /** Where the read stands, as a token tells it; while it holds rows back, where it began. */
  #position(): () => Position {
    const before = this.delivered?.position
    if (before !== undefined) return () => before
    const { pageSize, pass, query, total } = this
    return this.#listed.position({ query: query.text, pageSize, total, lastPages: pass.lastPages })
  }
}

const nothing = new Uint8Array(0)
