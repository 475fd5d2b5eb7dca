/**
 * What to read, and when it is enough: each plan yields what to read next and returns what has been proven.
 */
import * as Stream from "effect/Stream"
import { InvalidResumeToken, SessionsError } from "../../SessionsError.ts"
import type { Completeness, UnprovenReason } from "../../ScanReport.ts"
import { countCertificate, lacksAnchor } from "./countCertificate.ts"
import { gapsBetween, pagesOf } from "./gaps.ts"
import { momentCertificate } from "./momentCertificate.ts"
import { placeRows } from "./placement.ts"
import { positionCertificate, type PositionVerdict, recentGaps } from "./positionCertificate.ts"
import type { Reader, Step } from "./Reader.ts"
import type { Answer } from "./Answer.ts"
import type { Scan } from "./Scan.ts"
import { pageToLookAt, type SecondLook } from "./secondLook.ts"
import { skippedPages } from "./skippedPages.ts"
import type { Position } from "./token.ts"

export type Plan = Step<Completeness>

/** Most times that both ends of a list that nothing leaves are read again. */
const MAX_ROUNDS = 6

/** Most pages at the end of a list that are read again at once; a list that grew by more of them is read as a whole. */
const MAX_PAGES_AT_END = 64

/** Most passes down to `since`. */
const MAX_RECENT_PASSES = 3

/** Reads the list once; with a position, from the page on that the position is in. */
export function* fast(reader: Reader, position: Position | undefined): Plan {
  const { scan } = reader
  if (position === undefined || position.page < 2) {
    if (scan.passes > 0) yield* reader.finishPass()
    else yield* reader.wholePass({ from: 1, isListing: true })
    yield* repaired(reader)
    return unproven("fast")
  }
  // The last page again, as rows may have moved; and as many pages before it as have left the list meanwhile.
  yield* reader.peek(1)
  const left = Math.max(0, (position.total ?? 0) - (scan.total ?? 0))
  const pageSize = scan.pageSize ?? position.pageSize
  const rows = (position.page - 1) * position.pageSize - left
  const from = pageSize === 0 ? position.page : Math.max(1, Math.floor(rows / pageSize) + 1)
  yield* reader.wholePass({ from, isListing: true })
  return unproven("fast")
}

/** Reads again, once, the pages that rows were probably skipped on. */
function* repaired(reader: Reader): Step<void> {
  const { pageSize, pass, responses, total } = reader.scan
  if (pageSize === undefined || total === undefined) return
  const pages = skippedPages(responses.from(pass.start), {
    pageSize,
    total,
    farthest: reader.scan.farthestPage
  })
  if (pages.length > 0) yield* reader.again(pages)
}

/** Reads the list until it is proven that all of it has been read, or until `maxPasses` passes have not proven it. */
export function* verified(reader: Reader, maxPasses: number): Plan {
  const { scan } = reader
  const completeness = yield* proving(reader, maxPasses)
  if (completeness.status === "proven" && (yield* exceeds(reader))) return beyondTotal(scan)
  return completeness
}

function* proving(reader: Reader, maxPasses: number): Plan {
  const { scan } = reader
  const growsOnly = !scan.rules.mayLose(scan.query.isFiltered)
  if (scan.passes > 0) {
    yield* reader.finishPass()
  } else {
    // Its total is told before the first page is read, so that it is known how long the list was then.
    if (growsOnly && scan.query.since !== undefined) yield* reader.peek(1)
    yield* listing(reader)
  }
  if (scan.totals.odd !== undefined && scan.total === undefined) {
    return contradicted(`totalCount is ${scan.totals.odd}, which no list has`)
  }
  if (scan.stoppedEarly) {
    if (growsOnly && (yield* placing(reader))) return provenByPosition
    yield* head(reader)
    return unproven("stopped-early")
  }
  if (scan.total === undefined) return unproven("no-total")
  if (scan.table.size === 0) {
    // It is the one list that a failing server gives as easily as a working one.
    yield* reader.again([1, 2])
    if (scan.table.size === 0) return scan.totals.first === 0 && !scan.totals.changed ? provenByMoment : tooFew(scan)
  }
  if (yield* exceeds(reader)) return beyondTotal(scan)
  // A scan that was restored in a later pass could not be proven by counting.
  if (!scan.pass.isListing) {
    const verdict = check(reader)
    if (verdict === "proven") return provenByMoment
    if (verdict === "contradicted" || verdict === "exceeded") return tooMany
  } else if (growsOnly && scan.unreadable === 0 && (yield* counting(reader))) return provenByCount
  const listed = scan.table.size
  while (scan.passes < maxPasses && !scan.isSpent) {
    yield* reader.again([1])
    // The moment: what is new has just been read, and page 1 and the rest are read after it.
    yield* reader.again([1])
    // A purge takes the oldest rows, so the last page comes first.
    const ahead = scan.lastPage > 2 && scan.pass.reached > 2 ? Math.min(scan.lastPage, scan.pass.reached) : undefined
    yield* reader.wholePass({ from: 1, isListing: false, looksPastEnd: scan.looksPastEnd(false), ahead })
    const verdict = check(reader)
    if (verdict === "proven") return scan.unreadable === 0 ? provenByMoment : provenBesideUnreadable
    if (verdict === "contradicted" || verdict === "exceeded") return tooMany
    if (scan.hasAlikeRows) return unproven("unreadable-rows")
    // A list that did not change at all will not become longer by being read again.
    if (!scan.driftSeen && scan.table.size === listed && listed < scan.total) return tooFew(scan)
  }
  return unproven("unsettled")
}

/** Most times that a page with rows beyond the total is read again: the list may have moved while it was read. */
const MAX_LOOKS = 3

/** Whether a page has rows beyond its total, however often it is read. */
function* exceeds(reader: Reader): Step<boolean> {
  const { scan } = reader
  for (let looks = 0; looks < MAX_LOOKS && scan.totals.beyondPage !== undefined; looks++) {
    yield* reader.again([scan.totals.beyondPage])
  }
  return !scan.rules.mayExceed(scan.totals.beyondPage !== undefined)
}

const check = ({ scan }: Reader) => momentCertificate(scan.table, scan.responses, scan.rules)

/** The first pass; twice if the rows that it held back were not the ones of the token. */
function* listing(reader: Reader): Step<void> {
  const { scan } = reader
  const options = { from: 1, isListing: true, looksPastEnd: scan.looksPastEnd(true) }
  yield* reader.wholePass(options)
  if (scan.delivered?.isLost === true) yield Stream.fail(listChanged)
  if (scan.delivered?.isDoubtful === true) {
    scan.forget()
    yield* reader.wholePass(options)
  }
  scan.delivered?.giveUpDigest()
}

const listChanged = new SessionsError({
  reason: new InvalidResumeToken({
    detail: "the list has changed so that it cannot be told which sessions were delivered before"
  })
})

/** Page 1 again, and on until a row is known and the first row of the pass may have been met. */
function* head(reader: Reader): Step<ReadonlyArray<Answer>> {
  const { scan } = reader
  const answers: Array<Answer> = []
  for (let page = 1; ; page++) {
    const [taken] = yield* reader.again([page])
    if (taken === undefined) return answers
    answers.push(taken.answer)
    const { sessions } = taken.answer
    const grown = (scan.total ?? 0) - (scan.pass.first?.total ?? 0)
    const isFirstBelow = scan.observer.order === "newest-first" && page * (scan.pageSize ?? 1) <= grown
    if (sessions.length === 0 || scan.isSpent || (taken.fresh < sessions.length && !isFirstBelow)) return answers
  }
}

/** Reads both ends of the list again, and what may have been skipped between them; whether that proves it read. */
function* counting(reader: Reader): Step<boolean> {
  const { scan } = reader
  if (scan.endedEarly || lacksAnchor(scan)) return false
  const between = yield* countingAtOnce(reader)
  if (between === "proven") return true
  let violations = 0
  for (let round = 0; round < MAX_ROUNDS && !scan.isSpent; round++) {
    const { pageSize, pass, total: before } = scan
    if (pageSize === undefined || before === undefined || pass.last === undefined) return false
    const size = scan.table.size
    // What was skipped is looked for first, as new rows come at the head meanwhile.
    if (round === 0) yield* skipped(reader, () => (pass.first?.total ?? 0) - scan.table.size)
    let headAnswers = scan.lastPage > 1 ? yield* head(reader) : []
    const asked = scan.requests
    yield* skipped(reader, () => (scan.total ?? 0) - scan.table.size)
    if (scan.requests > asked) headAnswers = yield* head(reader)

    const lastPage = Math.min(scan.lastPage, scan.farthestPage)
    const [last] = yield* reader.again([lastPage])
    if (last === undefined) return false
    const tail = last.answer
    // The list grew by another page: look again.
    if (scan.lastPage > tail.page) continue
    const verdict = countCertificate(scan, {
      head: headAnswers.length === 0 ? [tail] : headAnswers,
      tail,
      between,
      moment: tail
    })
    if (verdict === "proven") return true
    // A total that was counted a moment before or after the rows looks like a violation, but not twice.
    if (verdict === "violated") {
      if (scan.totals.fell || !scan.totals.changed || ++violations > 1) return false
      continue
    }
    // Nothing new turned up, so looking at the same places again would not help.
    if (scan.table.size === size && scan.total === before) return false
  }
  return false
}

/**
 * If the list looks quiet, whatever is read again can be asked for at once: the rows of one page are not needed to count with
 * the other. That is the first page, and one page more unless the pass spent a request on the page after a full last one;
 * so no read of a quiet list takes more than two requests beyond its pages. In a list that is newest or oldest first, a
 * change at its end shows at its head or in pages that overlap, so it is a page between the ends.
 */
function* countingAtOnce(reader: Reader): Step<"proven" | SecondLook | undefined> {
  const { scan } = reader
  const { lastPage, observer, pass } = scan
  if (scan.totals.changed || scan.table.size !== scan.total || lastPage === Infinity) return undefined
  if (pass.duplicates > 0) return undefined
  const isAnchored = pass.anchor !== undefined
  const sawEnd = pass.sawEnd && (isAnchored || observer.order !== "oldest-first")
  const before = isAnchored || observer.order === "newest-first" ? pageToLookAt(scan) : undefined
  const second = lastPage > 1 && !sawEnd ? (before?.page ?? lastPage) : undefined
  const again = yield* reader.again(second === undefined ? [1] : [1, second])
  const first = again[0]?.answer
  const last = again.at(-1)?.answer
  if (first === undefined || last === undefined) return undefined
  const between = second === undefined || before === undefined ? undefined : { before, again: last }
  const tail = sawEnd || before !== undefined ? undefined : last
  const verdict = countCertificate(scan, { head: [first], tail, between, moment: last })
  return verdict === "proven" ? "proven" : between
}

/** Reads again what may have been skipped of the list down to `since`; whether nothing can be missing then. */
function* placing(reader: Reader): Step<boolean> {
  const { scan } = reader
  for (let passes = 0; passes < MAX_RECENT_PASSES; passes++) {
    if (passes > 0) {
      yield* reader.peek(1)
      yield* reader.wholePass({ from: 1, isListing: false })
    }
    let verdict: PositionVerdict = "open"
    for (let round = 0; round < MAX_ROUNDS && verdict === "open" && !scan.isSpent; round++) {
      const headAnswers = yield* head(reader)
      const { pageSize, total } = scan
      if (pageSize === undefined || total === undefined) return false
      // What it holds now bounds what it held until now.
      yield* reader.peek(1)
      const pages = pagesOf(recentGaps(scan)?.gaps ?? [], { pageSize, total, farthest: scan.farthestPage })
      if (pages.length > 0) {
        yield* reader.again(pages)
        yield* reader.peek(1)
      }
      verdict = positionCertificate(scan, headAnswers)
    }
    if (verdict !== "unplaced") return verdict === "proven"
  }
  return false
}

/** Pages of a growing list that rows may have been skipped on, until none is missing. */
function* skipped(reader: Reader, missing: () => number): Step<void> {
  const { scan } = reader
  if (missing() <= 0) return
  const pages = scan.observer.order === "newest-first" ? pagesOfGaps(scan) : pagesAtEnd(scan)
  // Where one row is missing, one page of several has it: asking for more at once would cost requests for nothing.
  for (let at = 0; at < pages.length && missing() > 0 && !scan.isSpent;) {
    const next = pages.slice(at, at + Math.min(reader.concurrency, missing()))
    at += next.length
    yield* reader.again(next)
  }
}

/** Pages of a list that is newest first which no response surely had. */
const pagesOfGaps = ({
  farthestPage,
  pageSize,
  pass,
  responses,
  rules,
  total,
  totals
}: Scan): ReadonlyArray<number> => {
  if (pageSize === undefined || total === undefined) return []
  const bounds = { low: totals.first ?? total, high: total }
  const placed = placeRows(responses.from(0), { pageSize, start: pass.start, ...bounds, rules })
  return pagesOf(gapsBetween(placed, { pageSize, from: 0, to: total }), { pageSize, total, farthest: farthestPage })
}

/** Pages that a list which is oldest first has grown on: one that was the last may have been read before it was full. */
const pagesAtEnd = ({ lastPage, observer, pageSize, totals }: Scan): ReadonlyArray<number> => {
  if (observer.order !== "oldest-first" || pageSize === undefined || totals.first === undefined) return []
  const first = Math.floor(totals.first / pageSize) + 1
  // The last page is read again in any case.
  return Array.from({ length: Math.max(0, Math.min(lastPage - first, MAX_PAGES_AT_END)) }, (_, at) => first + at)
}

const unproven = (reason: UnprovenReason): Completeness => ({ status: "unproven", reason })

const contradicted = (detail: string): Completeness => ({ status: "unproven", reason: "contradicted", detail })

const beyondTotal = ({ totals: { beyondPage, last } }: Scan): Completeness =>
  contradicted(`page ${beyondPage} has more sessions than a list of ${last}, as totalCount says, can have there`)

const tooFew = ({ table, total }: Scan): Completeness =>
  contradicted(`the list ended after ${table.size} sessions, and totalCount is ${total}`)

const tooMany = contradicted("more sessions were in the list at once than totalCount says")

const provenByMoment: Completeness = {
  status: "proven",
  certificate: "moment",
  assumption:
    "a session that has left the list does not come back into it, totalCount is right, and no answer is older than its request"
}

const provenBesideUnreadable: Completeness = {
  ...provenByMoment,
  assumption: `${provenByMoment.assumption}; and a row without a usable id that reads as an earlier one is that row`
}

const provenByCount: Completeness = {
  status: "proven",
  certificate: "count",
  assumption: "no session left the list during the read, totalCount is right, and no answer is older than its request"
}

const provenByPosition: Completeness = {
  status: "proven",
  certificate: "position",
  assumption:
    "the list is newest first and new sessions enter it before all others, totalCount is right, and no answer is older than its request"
}
