/**
 * What to read, and when it is enough: each plan yields what to read next and returns what has been proven.
 */
import type { Completeness, UnprovenReason } from "../../SweepReport.ts"
import { countCertificate } from "./countCertificate.ts"
import { gapsBetween, pagesOf } from "./gaps.ts"
import { momentCertificate } from "./momentCertificate.ts"
import { placeRows } from "./placement.ts"
import { positionCertificate, type PositionVerdict, recentGaps } from "./positionCertificate.ts"
import type { Reader, Step } from "./Reader.ts"
import type { Answer } from "./Answer.ts"
import type { Sweep } from "./Sweep.ts"
import { skippedPages } from "./skippedPages.ts"
import type { Position } from "./token.ts"

export type Plan = Step<Completeness>

/** Most times that both ends of a list that nothing leaves are read again. */
const MAX_ROUNDS = 6

/** Most passes down to `since`. */
const MAX_RECENT_PASSES = 3

/** Reads the list once; with a position, from the page on that the position is in. */
export function* fast(reader: Reader, position: Position | undefined): Plan {
  const { sweep } = reader
  if (position === undefined || position.page < 2) {
    if (sweep.passes > 0) yield* reader.finishPass()
    else yield* reader.wholePass({ from: 1, isListing: true })
    yield* mended(reader)
    return unproven("fast")
  }
  // The last page again, as rows may have moved; and as many pages before it as have left the list meanwhile.
  yield* reader.peek(1)
  const left = Math.max(0, (position.total ?? 0) - (sweep.total ?? 0))
  const pageSize = sweep.pageSize ?? position.pageSize
  const rows = (position.page - 1) * position.pageSize - left
  const from = pageSize === 0 ? position.page : Math.max(1, Math.floor(rows / pageSize) + 1)
  yield* reader.wholePass({ from, isListing: true })
  return unproven("fast")
}

/** Reads again, once, the pages that rows were probably skipped on. */
function* mended(reader: Reader): Step<void> {
  const { pageSize, pass, responses, total } = reader.sweep
  if (pageSize === undefined || total === undefined) return
  const pages = skippedPages(responses.from(pass.start), {
    pageSize,
    total,
    farthest: reader.sweep.farthestPage
  })
  if (pages.length > 0) yield* reader.again(pages)
}

/** Reads the list until it is proven that all of it has been read, or until `maxPasses` passes have not proven it. */
export function* verified(reader: Reader, maxPasses: number): Plan {
  const { sweep } = reader
  const completeness = yield* proving(reader, maxPasses)
  if (completeness.status === "proven" && (yield* exceeds(reader))) return beyondTotal(sweep)
  return completeness
}

function* proving(reader: Reader, maxPasses: number): Plan {
  const { sweep } = reader
  const growsOnly = !sweep.rules.mayLose(sweep.query.isFiltered)
  if (sweep.passes > 0) {
    yield* reader.finishPass()
  } else {
    // Its total is told before the first page is read, so that it is known how long the list was then.
    if (growsOnly && sweep.query.since !== undefined) yield* reader.peek(1)
    yield* listing(reader)
  }
  if (sweep.oddTotal !== undefined && sweep.total === undefined) {
    return contradicted(`totalCount is ${sweep.oddTotal}, which no list has`)
  }
  if (sweep.stoppedEarly) {
    if (growsOnly && (yield* placing(reader))) return provenByPosition
    yield* head(reader)
    return unproven("stopped-early")
  }
  if (sweep.total === undefined) return unproven("no-total")
  if (sweep.table.size === 0) {
    // It is the one list that a failing server gives as easily as a working one.
    yield* reader.again([1, 2])
    if (sweep.table.size === 0) return sweep.totalFirst === 0 && !sweep.totalChanged ? provenByMoment : tooFew(sweep)
  }
  if (yield* exceeds(reader)) return beyondTotal(sweep)
  // A scan that was restored in a later pass could not be proven by counting.
  if (!sweep.pass.isListing) {
    const verdict = check(reader)
    if (verdict === "proven") return provenByMoment
    if (verdict === "contradicted") return contradicted("more sessions were in the list at once than totalCount says")
  } else if (growsOnly && sweep.unreadable === 0 && (yield* counting(reader))) return provenByCount
  const listed = sweep.table.size
  while (sweep.passes < maxPasses && !sweep.isSpent) {
    yield* reader.again([1])
    // The moment: what is new has just been read, and page 1 and the rest are read after it.
    yield* reader.again([1])
    // A purge takes the oldest rows, so the last page comes first.
    if (sweep.lastPage > 2 && sweep.pass.reached > 2)
      yield* reader.again([Math.min(sweep.lastPage, sweep.pass.reached)])
    yield* reader.wholePass({ from: 1, isListing: false })
    const verdict = check(reader)
    if (verdict === "proven") return sweep.unreadable === 0 ? provenByMoment : provenBesideUnreadable
    if (verdict === "contradicted") return contradicted("more sessions were in the list at once than totalCount says")
    if (sweep.hasAlikeRows) return unproven("unreadable-rows")
    // A list that did not change at all will not become longer by being read again.
    if (!sweep.driftSeen && sweep.table.size === listed && listed < sweep.total) return tooFew(sweep)
  }
  return unproven("unsettled")
}

/** Most times that a page with rows beyond the total is read again: the list may have moved while it was read. */
const MAX_LOOKS = 3

/** Whether a page has rows beyond its total, however often it is read. */
function* exceeds(reader: Reader): Step<boolean> {
  const { sweep } = reader
  for (let looks = 0; looks < MAX_LOOKS && sweep.beyondPage !== undefined; looks++) {
    yield* reader.again([sweep.beyondPage])
  }
  return !sweep.rules.mayExceed(sweep.beyondPage !== undefined)
}

const check = ({ sweep }: Reader) => momentCertificate(sweep.table, sweep.responses, sweep.rules)

/** The first pass; twice if the rows that it held back were not the ones of the token. */
function* listing(reader: Reader): Step<void> {
  const { sweep } = reader
  const options = { from: 1, isListing: true, looksPastEnd: sweep.rules.looksPastEnd }
  yield* reader.wholePass(options)
  if (sweep.delivered?.isDoubtful === true) {
    sweep.forget()
    yield* reader.wholePass(options)
  }
  sweep.delivered?.giveUpDigest()
}

/** Page 1 again, and on until a row is known and the first row of the pass may have been met. */
function* head(reader: Reader): Step<ReadonlyArray<Answer>> {
  const { sweep } = reader
  const answers: Array<Answer> = []
  for (let page = 1; ; page++) {
    const [taken] = yield* reader.again([page])
    if (taken === undefined) return answers
    answers.push(taken.answer)
    const { sessions } = taken.answer
    const grown = (sweep.total ?? 0) - (sweep.pass.first?.total ?? 0)
    const isFirstBelow = sweep.observer.order === "newest-first" && page * (sweep.pageSize ?? 1) <= grown
    if (sessions.length === 0 || sweep.isSpent || (taken.fresh < sessions.length && !isFirstBelow)) return answers
  }
}

/** Reads both ends of the list again, and what may have been skipped between them; whether that proves it read. */
function* counting(reader: Reader): Step<boolean> {
  const { sweep } = reader
  if (sweep.endedEarly) return false
  if (yield* countingAtOnce(reader)) return true
  let violations = 0
  for (let round = 0; round < MAX_ROUNDS && !sweep.isSpent; round++) {
    const { pageSize, pass, total: before } = sweep
    if (pageSize === undefined || before === undefined || pass.last === undefined) return false
    const size = sweep.table.size
    // What was skipped is looked for first, as new rows come at the head meanwhile.
    if (round === 0) yield* skipped(reader, () => (pass.first?.total ?? 0) - sweep.table.size)
    let headAnswers = sweep.lastPage > 1 ? yield* head(reader) : []
    const asked = sweep.requests
    yield* skipped(reader, () => (sweep.total ?? 0) - sweep.table.size)
    if (sweep.requests > asked) headAnswers = yield* head(reader)

    const lastPage = Math.min(sweep.lastPage, sweep.farthestPage)
    const [last] = yield* reader.again([lastPage])
    if (last === undefined) return false
    const tail = last.answer
    // The list grew by another page: look again.
    if (sweep.lastPage > tail.page) continue
    const verdict = countCertificate(sweep, {
      head: headAnswers.length === 0 ? [tail] : headAnswers,
      tail,
      moment: tail
    })
    if (verdict === "proven") return true
    // A total that was counted a moment before or after the rows looks like a violation, but not twice.
    if (verdict === "violated") {
      if (sweep.totalFell || !sweep.totalChanged || ++violations > 1) return false
      continue
    }
    // Nothing new turned up, so looking at the same places again would not help.
    if (sweep.table.size === size && sweep.total === before) return false
  }
  return false
}

/**
 * If the list looks quiet, what is left of both ends can be asked for at once: the rows of one are not needed to count with
 * the other. Where the pass went on to an empty page after a full last one, or found the last row at the place that it had at
 * first, it has seen the end of the list; so no read of a quiet list takes more than two requests beyond its pages.
 */
function* countingAtOnce(reader: Reader): Step<boolean> {
  const { sweep } = reader
  const { lastPage, latest, observer, pass } = sweep
  if (sweep.totalChanged || sweep.table.size !== sweep.total || lastPage === Infinity) return false
  if (pass.duplicates > 0) return false
  const isAnchored = pass.anchor !== undefined
  if (isAnchored && pass.sawEnd && latest?.total !== undefined && latest.known === sweep.table.size) {
    return countCertificate(sweep, { head: [], tail: undefined, moment: latest }) === "proven"
  }
  const sawEnd = pass.sawEnd && observer.order !== "oldest-first"
  const again = yield* reader.again(lastPage > 1 && !sawEnd && !isAnchored ? [1, lastPage] : [1])
  const first = again[0]?.answer
  const last = again.at(-1)?.answer
  if (first === undefined || last === undefined) return false
  const tail = sawEnd || isAnchored ? undefined : last
  return countCertificate(sweep, { head: [first], tail, moment: last }) === "proven"
}

/** Reads again what may have been skipped of the list down to `since`; whether nothing can be missing then. */
function* placing(reader: Reader): Step<boolean> {
  const { sweep } = reader
  for (let passes = 0; passes < MAX_RECENT_PASSES; passes++) {
    if (passes > 0) {
      yield* reader.peek(1)
      yield* reader.wholePass({ from: 1, isListing: false })
    }
    let verdict: PositionVerdict = "open"
    for (let round = 0; round < MAX_ROUNDS && verdict === "open" && !sweep.isSpent; round++) {
      const headAnswers = yield* head(reader)
      const { pageSize, total } = sweep
      if (pageSize === undefined || total === undefined) return false
      // What it holds now bounds what it held until now.
      yield* reader.peek(1)
      const pages = pagesOf(recentGaps(sweep)?.gaps ?? [], { pageSize, total, farthest: sweep.farthestPage })
      if (pages.length > 0) {
        yield* reader.again(pages)
        yield* reader.peek(1)
      }
      verdict = positionCertificate(sweep, headAnswers)
    }
    if (verdict !== "unplaced") return verdict === "proven"
  }
  return false
}

/** Pages of a growing list that rows may have been skipped on, until none is missing. */
function* skipped(reader: Reader, missing: () => number): Step<void> {
  const { sweep } = reader
  const { observer, pageSize, pass, responses, total } = sweep
  if (missing() <= 0 || observer.order !== "newest-first" || pageSize === undefined || total === undefined) return
  const bounds = { low: sweep.totalFirst ?? total, high: total }
  const placed = placeRows(responses.from(0), { pageSize, start: pass.start, ...bounds, rules: sweep.rules })
  const pages = pagesOf(gapsBetween(placed, { pageSize, from: 0, to: total }), {
    pageSize,
    total,
    farthest: sweep.farthestPage
  })
  // Where one row is missing, one page of several has it: asking for more at once would cost requests for nothing.
  for (let at = 0; at < pages.length && missing() > 0 && !sweep.isSpent;) {
    const next = pages.slice(at, at + Math.min(reader.concurrency, missing()))
    at += next.length
    yield* reader.again(next)
  }
}

const unproven = (reason: UnprovenReason): Completeness => ({ status: "unproven", reason })

const contradicted = (detail: string): Completeness => ({ status: "unproven", reason: "contradicted", detail })

const beyondTotal = ({ beyondPage, total }: Sweep): Completeness =>
  contradicted(`page ${beyondPage} has more sessions than a list of ${total}, as totalCount says, can have there`)

const tooFew = ({ table, total }: Sweep): Completeness =>
  contradicted(`the list ended after ${table.size} sessions, and totalCount is ${total}`)

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
