/**
 * What one read of the list knows: the ids it met, the responses it got, and what they said.
 *
 * No I/O. `ask` and `complete` number the events of a request, `take` takes the rows of an answer in the order of the
 * pages. All of them run to their end at once, so the numbers are in the order of the events.
 */
import type { Session } from "../../Session.ts"
import type { DecodedPage, SessionPage, UnreadableRow } from "../../SessionPage.ts"
import { sentValues } from "../asSent.ts"
import type { Answer, Taken, Ticket } from "./Answer.ts"
import type { Delivered } from "./Delivered.ts"
import { Digest } from "./Digest.ts"
import { IdTable } from "./IdTable.ts"
import { OrderObserver } from "./ListOrder.ts"
import { Pass } from "./Pass.ts"
import type { Query } from "./Query.ts"
import { Responses } from "./Responses.ts"
import type { Rules } from "./Rules.ts"
import type { ScanLog } from "./ScanLog.ts"
import { digestOf, namesOf, type Position } from "./token.ts"
import { rowsOf } from "./unreadable.ts"

/** Most requests for each page that the list had at first, and some more for short lists. */
const MAX_REQUESTS_PER_PAGE = 8
const SPARE_REQUESTS = 64

/** What a page tells beside its rows. */
const pageKeys = ["page", "pageSize", "perPage", "totalCount"] as const

/** A larger total is not believed: nothing could read such a list, page by page. */
const MAX_TOTAL = 2 ** 31 - 1

/** Pages without a new row that a list of any length may have in a row, while it moves. */
const MAX_STALE_PAGES = 64

/** Most rows found late that are remembered for a token, which has no room for more. */
const MAX_LATE = 240

export class Scan {
  readonly query: Query
  readonly rules: Rules
  readonly delivered: Delivered | undefined

  table = new IdTable()
  responses = new Responses()
  observer = new OrderObserver()
  pass = new Pass({ from: 1, start: 0, clock: 0, isListing: true, looksPastEnd: false })
  /** The latest answer that was taken. */
  latest: Answer | undefined

  /** Sessions on a full page; undefined until a response told, or had rows. */
  pageSize: number | undefined
  /** The total of the latest response that had one. */
  total: number | undefined
  totalFirst: number | undefined
  /** Whether a total was lower than an earlier one, or than the number of ids met before. */
  totalFell = false
  totalChanged = false
  /** A total that cannot be one, as it was told; undefined while none was. */
  oddTotal: number | undefined
  /** The first page that had rows beyond the total of its own answer, until one shows that they are within it. */
  beyondPage: number | undefined
  /** Whether pages before the last one, since the pass began, had other numbers of rows than the first of them. */
  isUneven = false
  driftSeen = false
  stoppedEarly = false

  passes = 0
  requests = 0
  rowsRead = 0
  duplicates = 0
  emitted = 0
  /** Different rows without a usable id. */
  unreadable = 0
  /** Whether some of those could not be told apart. */
  hasAlikeRows = false
  /** Values without a meaning, by path: those of each session once, those of pages as often as they came. */
  readonly ignored = new Map<string, number>()

  /** Keeps what is learned; undefined when nobody asked for it. */
  log: ScanLog | undefined
  /** How often the scan was interrupted since it took a page in a pass. */
  restarts = 0
  /** Pages that were taken since the scan began, or was restored. */
  taken = 0

  #isSizeTold = false
  /** Whether a page that had to be full had fewer rows than the size that was told. */
  #isSizeWrong = false
  #mostPages = 0
  #rowsAPage: number | undefined
  #knewNothing = true
  #longest = 0
  #clock = 0
  #floor = 0
  #rows = 0
  #first: string | undefined
  #digest = new Digest()
  #page = 0
  #isContinued = false
  #late: Array<string> = []

  constructor(query: Query, rules: Rules, delivered: Delivered | undefined) {
    this.query = query
    this.rules = rules
    this.delivered = delivered
  }

  /** Continues the position of a token: the rows that it names are in it already. */
  continueFrom(position: Position): void {
    this.#isContinued = true
    this.#page = position.page
    this.#rows = position.rows
    this.#first = position.first
    this.#digest = new Digest(position.digest)
  }

  /** Begins all over, but for what was counted: what was met until now proves nothing for the rows held back. */
  forget(): void {
    this.driftSeen = true
    this.delivered?.giveUpDigest()
    this.table = new IdTable()
    this.responses = new Responses()
    this.observer = new OrderObserver()
    this.totalFell = false
    this.beyondPage = undefined
    this.stoppedEarly = false
    this.unreadable = 0
    this.hasAlikeRows = false
    this.ignored.clear()
    this.#floor = 0
    this.#page = 0
    this.#rows = 0
    this.#first = undefined
    this.#digest = new Digest()
  }

  /** A listing is the pass that gives the rows in the order of the list; what any other one finds is late. */
  beginPass(from: number, isListing: boolean, looksPastEnd: boolean): void {
    this.passes++
    if (isListing) this.stoppedEarly = false
    this.isUneven = false
    this.#rowsAPage = undefined
    this.#knewNothing = this.table.size === 0
    this.pass = new Pass({ from, start: this.responses.length, isListing, looksPastEnd, clock: this.#clock })
    this.log?.pass(from, isListing)
  }

  /** The pass is over before its last page. */
  endPass(): void {
    this.pass.isEnded = true
    this.log?.end()
  }

  ask(page: number): Ticket {
    this.requests++
    return { page, asked: ++this.#clock, known: this.table.size, floor: this.#floor }
  }

  /** Notes a response; its rows count when they are taken. */
  complete({ asked, floor, known, page }: Ticket, response: DecodedPage): Answer {
    const total = asTotal(response.totalCount)
    if (total === undefined && response.totalCount !== undefined) this.oddTotal = response.totalCount
    const pageSize = asCount(response.pageSize, 1)
    const completed = ++this.#clock
    const { hasAlike, sessions, unreadable } = rowsOf(response)
    this.hasAlikeRows ||= hasAlike
    const hasIgnored = response.ignoredValues !== undefined
    for (const key of pageKeys) this.#ignore(key, response.ignoredValues?.[key] ?? 0)
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
    this.#learnSize(answer, rows)
    if (total !== undefined) {
      this.totalFell ||= total < floor || total < known
      this.totalFirst ??= total
      this.totalChanged ||= total !== this.totalFirst
      this.total = total
      this.#floor = Math.max(this.#floor, total)
    }
    return answer
  }

  /**
   * Without a page size from the server, or with one that the first page disagrees with, it is the length of the longest
   * page, unless that may be all there is.
   */
  #learnSize({ page, pageSize, total = this.total }: Answer, rows: number): void {
    this.#longest = Math.max(this.#longest, rows)
    if (this.#isSizeWrong) this.pageSize = this.#longest
    if (this.#isSizeTold) return
    const expected = page === 1 && rows > 0 && total !== undefined ? Math.min(pageSize ?? 0, total) : 0
    if (pageSize !== undefined && (rows > pageSize || rows < expected)) {
      this.#isSizeTold = true
      this.#isSizeWrong = true
      this.pageSize = this.#longest
    } else if (pageSize !== undefined) {
      this.#isSizeTold = true
      this.pageSize = pageSize
    } else if (this.pageSize !== undefined || (total !== undefined && total > this.#longest && this.#longest > 0)) {
      this.pageSize = this.#longest
    }
  }

  /** Notes that the size of the pages changed, which makes their numbers mean other rows. */
  resize(answer: Answer): void {
    if (this.#learnResize(answer)) this.log?.resized(this.pageSize ?? 0)
  }

  #learnResize({ pageSize }: Answer): boolean {
    if (pageSize === undefined || pageSize === this.pageSize || this.#isSizeWrong) return false
    this.setPageSize(pageSize)
    return true
  }

  setPageSize(pageSize: number): void {
    this.pageSize = pageSize
    this.pass.newPageSize = pageSize
  }

  /** The answer to a page that the server says does not exist. */
  absent(page: number): Answer {
    const asked = ++this.#clock
    const completed = ++this.#clock
    const missing = { total: undefined, index: undefined, pageSize: undefined, unreadable: undefined }
    return { page, asked, completed, known: this.table.size, sessions: [], hasIgnored: false, ...missing }
  }

  /** The last page by the latest total; infinite while there is no total to go by. */
  get lastPage(): number {
    if (this.pass.isOverrun) return this.pass.reached + 1
    return this.#lastPage(this.total)
  }

  /**
   * Whether looking for missing rows has taken all the requests that it may: sessions that start during a read must not
   * delay its end, however many there are.
   */
  get isSpent(): boolean {
    const pages = Math.min(Math.ceil((this.totalFirst ?? 0) / (this.pageSize ?? 1)), this.#mostPages)
    return this.requests > MAX_REQUESTS_PER_PAGE * pages + SPARE_REQUESTS
  }

  /** The last page by what a response says itself, where it does. */
  lastPageOf({ pageSize, totalCount }: SessionPage): number {
    const size = asCount(pageSize, 1) ?? this.pageSize
    const total = asTotal(totalCount) ?? this.total
    return size === undefined || total === undefined ? Infinity : Math.max(1, Math.ceil(total / size))
  }

  /** Whether the last pass came to an empty page before the total says that the list ends. */
  get endedEarly(): boolean {
    return this.pass.isEnded && !this.stoppedEarly && this.pass.reached < this.#lastPage(this.total)
  }

  /** Most pages that rows were found on in any pass, and some more: rows that are missing are not beyond them. */
  get farthestPage(): number {
    return 2 * this.#mostPages + SPARE_REQUESTS
  }

  /** Whether so many pages without a new row have come in a row that the list cannot have moved so far. */
  get isRepeating(): boolean {
    const known = this.table.size / (this.pageSize ?? Math.max(1, this.#longest))
    return this.pass.isListing && this.pass.stalePages > MAX_STALE_PAGES + known / 10
  }

  /** Whether a page may be missing because the list ends before it. */
  isBeyond(page: number, total = this.total): boolean {
    return page > 1 && (this.pass.isOverrun || total === undefined || page > this.#lastPage(total))
  }

  /** While no response had a total above its rows, there is one page. */
  #lastPage(total: number | undefined): number {
    return total === undefined
      ? Infinity
      : this.pageSize === undefined
        ? 1
        : Math.max(1, Math.ceil(total / this.pageSize))
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
      if (answer.hasIgnored) this.#noteIgnored(session)
      const isHeld = this.delivered?.holdsBack(session.id) ?? false
      if (isListed && !(isHeld && this.#isContinued)) this.#append(session)
      if (isHeld) continue
      if (row !== undefined) {
        unreadableRows.push(row)
        if (!isListed) this.#late.push(session.id)
        continue
      }
      if (!this.query.matches(session)) continue
      sessions.push(session)
      if (!isListed) this.#late.push(session.id)
    }
    const fresh = this.table.size - before
    if (answer.index !== undefined) {
      this.responses.take(answer.index, inPass && this.#knewNothing ? answer.sessions.length - fresh : undefined)
    }
    if (answer.page < this.lastPage) this.#checkEven(answer)
    if (answer.sessions.length > 0) this.#mostPages = Math.max(this.#mostPages, answer.page)
    this.#checkPlaces(answer)
    this.rowsRead += answer.sessions.length
    this.duplicates += answer.sessions.length - fresh
    this.driftSeen ||= this.totalChanged || (isListed ? fresh < answer.sessions.length : fresh > 0)
    this.emitted += sessions.length
    this.latest = answer
    this.taken++
    if (inPass) this.restarts = 0
    this.log?.rows(answer, inPass)
    this.log?.unreadable(this.unreadable, this.hasAlikeRows)
    if (inPass) this.#advance(answer, fresh)
    const learned = this.log?.flush() ?? nothing
    const { page } = answer
    const position = this.#position()
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

  #noteIgnored(session: Session): void {
    for (const { kind, path } of sentValues(session)) if (kind === "ignored") this.#ignore(path.join("."), 1)
  }

  #ignore(path: string, count: number): void {
    if (count > 0) this.ignored.set(path, (this.ignored.get(path) ?? 0) + count)
  }

  #advance(answer: Answer, fresh: number): void {
    const { pass } = this
    pass.take(answer, { fresh, pageSize: this.pageSize, total: this.total })
    if (this.#isSizeTold && !this.#countsRows(answer)) this.#learnResize(answer)
    if (pass.newPageSize !== undefined) pass.isEnded = true
    if (!pass.isListing) {
      if (this.stoppedEarly && this.#isOld(answer)) pass.isEnded = true
      return
    }
    if (answer.page === 1) this.#expectNoneNewer(answer)
    if (pass.reached > this.#page) this.#page = pass.reached
    if (this.#isOld(answer)) this.stoppedEarly = true
    if (this.stoppedEarly || this.delivered?.isMismatch === true) pass.isEnded = true
  }

  /**
   * No row of a list can be at a place that its total does not have, but while the list moves: where it did, such a row can
   * be one page further by now, or one page nearer.
   */
  #checkPlaces({ page, sessions, total = this.total }: Answer): void {
    if (total === undefined) return
    const pageSize = this.pageSize ?? sessions.length
    const before = (page - 1) * pageSize
    if (sessions.length > 0 && before + sessions.length > total) {
      this.beyondPage = Math.min(page, this.beyondPage ?? page)
    } else if (page === this.beyondPage) {
      const isFull = sessions.length === pageSize && before + sessions.length === total
      const isAbsent = sessions.length === 0 && before > total
      this.beyondPage = isFull ? page + 1 : isAbsent ? page - 1 : undefined
    }
  }

  #checkEven({ pageSize = this.pageSize, sessions }: Answer): void {
    this.#rowsAPage ??= sessions.length
    this.isUneven ||= sessions.length !== this.#rowsAPage || pageSize !== this.#rowsAPage
  }

  /** Some servers call the number of rows on the page its size: on the last page that is no change. */
  #countsRows({ page, pageSize, sessions }: Answer): boolean {
    return page >= this.lastPage && pageSize === sessions.length
  }

  #append(session: Session): void {
    this.observer.add(session)
    this.#first ??= session.id
    this.#digest.add(session.id)
    this.#rows++
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

  /**
   * Whether all rows are older than what was asked for, and so will be all that follow: in a list that is not quite in
   * order, older by twice the largest disorder seen.
   */
  #isOld({ sessions, unreadable }: Answer): boolean {
    const { disorder, isNewestFirst } = this.observer
    if (this.query.since === undefined || !isNewestFirst) return false
    const since = this.query.since - 2 * disorder
    return (
      sessions.every(({ createdAt, id }) =>
        createdAt === undefined ? unreadable?.has(id) === true : createdAt < since
      ) && sessions.some(({ createdAt }) => createdAt !== undefined)
    )
  }

  /** Made when it is asked for, since most reads keep no token. */
  #position(): () => Position {
    const before = this.delivered?.position
    if (before !== undefined) return () => before
    const { pageSize = 0, total } = this
    const [first, page, rows, digest] = [this.#first, this.#page, this.#rows, this.#digest.toString()]
    const late = this.#late.slice(-MAX_LATE)
    const pages = this.pass.lastPages
    return () => ({
      query: digestOf([this.query.text]),
      page,
      pageSize,
      ...(total === undefined ? {} : { total }),
      ...(first === undefined ? {} : { first: digestOf([first]) }),
      rows,
      digest,
      pages: pages.map(digestOf),
      ...namesOf(late, pages.flat())
    })
  }
}

const asTotal = (value: number | undefined): number | undefined => {
  const total = asCount(value, 0)
  return total === undefined || total > MAX_TOTAL ? undefined : total
}

const nothing = new Uint8Array(0)

const asCount = (value: number | undefined, minimum: number): number | undefined =>
  value !== undefined && Number.isSafeInteger(value) && value >= minimum ? value : undefined
