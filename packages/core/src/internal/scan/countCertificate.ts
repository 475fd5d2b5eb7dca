/**
 * The count certificate: as many ids as the list has sessions, from a list that nothing leaves.
 *
 * **Assumption.** No session left the list during the read, totals are right, and no answer comes from a cache.
 *
 * **Proof.** Every id that was read before a moment t is still in the list at t. So the ids read before t are some of the
 * T(t) ids of the list; if there are T(t) of them, they are all of it.
 *
 * **What is checked of the assumption.** A total is never lower than an earlier one, nor than the number of ids read
 * before it. No row is met that started after the read began, where none can start. And the pages agree with growth in the
 * order that was observed:
 *
 * - newest first: the first page has moved down by as many places as the total has grown, each page repeats as many rows of
 *   the one before as the total grew by between them, and the last rows are the same. A purge takes the oldest row, so
 *   it changes the last one; while the total stays, it also moves the first page, as a row came at the head for it. If rows
 *   came at the head while others left elsewhere, the rows moved further than the total grew.
 * - oldest first: the first page is the same, no page repeats a row of another, and the last page, which is read right after
 *   the first one, keeps its rows. If rows left while others came at the end, the pages between the two moved up, and the
 *   lowest of them repeats a row of the last page. Where the last page was not read then, nothing is certified.
 * - any other order: no change at all was seen.
 *
 * A session that leaves the middle while another one enters the middle moves only the rows between the two. While the total
 * stays, one page between the ends is read again to see that; it is not seen where that page is not between the two places,
 * or was read after the change.
 */
import type { Mark, Pass } from "./Pass.ts"
import { overlapsAgree } from "./overlaps.ts"
import type { Answer } from "./Answer.ts"
import type { Scan } from "./Scan.ts"
import { hasKeptRows, type SecondLook } from "./secondLook.ts"

/** What was read again at the ends of the list, after a pass. */
export interface Ends {
  /** The head: page 1, and on until a row is known; empty where nothing but an end was seen. */
  readonly head: ReadonlyArray<Answer>
  /** The last page; undefined where the pass saw an empty page after it, which is the end as well. */
  readonly tail: Answer | undefined
  /** A page between the two, while the total stayed; undefined where it was not read again. */
  readonly between: SecondLook | undefined
  /** The answer that was asked for alone, after all others were taken. */
  readonly moment: Answer
}

/** `violated`: sessions may have left the list. */
export type CountVerdict = "proven" | "open" | "violated"

/** Compares what was read before the moment with the total that it gave. */
export const countCertificate = (scan: Scan, ends: Ends): CountVerdict => {
  const { observer, rules, totals, unreadable } = scan
  const { known, total } = ends.moment
  // A row without an id that changed between two responses would count twice.
  if (unreadable > 0) return "violated"
  if (total === undefined || totals.first === undefined) return "violated"
  const isNewestFirst = observer.order === "newest-first"
  const seen = {
    totalFell: totals.fell,
    endsAgree: endsAgree(scan, ends),
    overlapsAgree: isNewestFirst ? overlapsAgree(scan) : scan.pass.duplicates === 0,
    // At the end of a list that is oldest first sessions may start, and then it grows.
    keptRows: totals.changed || ends.between === undefined || hasKeptRows(scan, ends.between),
    sawLateStart: observer.sawLateStart && !(observer.order === "oldest-first" && totals.changed)
  }
  if (!rules.onlyGrew(seen)) return "violated"
  return known === rules.totalToReach(total, totals.first) ? "proven" : "open"
}

const endsAgree = (scan: Scan, { between, head, tail }: Ends): boolean => {
  const { observer, pass, pageSize, totals } = scan
  const { first, last } = pass
  if (first === undefined || last === undefined || pageSize === undefined) return false
  const isLast = tail === undefined ? pass.sawEnd || between !== undefined : isSameEnd(scan, tail)
  if (observer.order === "oldest-first") {
    const isHeadSame = head.length === 0 || headMoved(scan, head) === 0
    return (
      isHeadSame &&
      !lacksAnchor(scan) &&
      (pass.anchor === undefined ? tail !== undefined && keptItsPlace(last, tail) : keptLastPage(pass, tail))
    )
  }
  const moved = headMoved(scan, head)
  if (observer.order === "newest-first") return isLast && moved !== undefined && moved === grown(first, head)
  return isLast && moved === 0 && !totals.changed
}

/**
 * Whether it is not known what the last page of a list that is oldest first was right after the first one: as when the
 * scan was interrupted since, or the first page did not tell the order.
 */
export const lacksAnchor = ({ lastPage, observer, pass }: Scan): boolean =>
  observer.order === "oldest-first" && pass.anchor === undefined && lastPage > 1

/** Whether the last page has the rows at the places that they had right after the first page was read. */
const keptLastPage = ({ anchor, anchorIds, isAnchored }: Pass, tail: Answer | undefined): boolean =>
  isAnchored &&
  (tail === undefined || tail.page !== anchor?.page || anchorIds.every((id, index) => id === tail.sessions[index]?.id))

/** How much the list has grown between the reading of its first row and the one that met it again. */
const grown = (first: Mark, head: ReadonlyArray<Answer>): number => {
  const again = head.find(({ sessions }) => sessions.some(({ id }) => id === first.id))
  return again?.total === undefined || first.total === undefined ? Number.NaN : again.total - first.total
}

/** By how many places the rows of the first page have moved down; undefined if they are not found, or not one after another. */
export const headMoved = ({ pageSize, pass }: Scan, head: ReadonlyArray<Answer>): number | undefined => {
  const { firstIds } = pass
  for (const { page, sessions } of head) {
    const index = sessions.findIndex(({ id }) => id === firstIds[0])
    if (index === -1 || pageSize === undefined) continue
    const isRun = sessions.slice(index).every(({ id }, at) => at >= firstIds.length || id === firstIds[at])
    return isRun ? (page - 1) * pageSize + index : undefined
  }
  return undefined
}

/** Whether the list ends with the rows that its last page had in the pass, as far as both pages reach. */
const isSameEnd = ({ pass }: Scan, { sessions }: Answer): boolean => {
  const before = pass.lastPages.at(-1) ?? []
  const length = Math.min(before.length, sessions.length)
  return length > 0 && before.slice(-length).every((id, index) => id === sessions.at(index - length)?.id)
}

const keptItsPlace = (last: Mark, answer: Answer): boolean =>
  answer.page === last.page && answer.sessions[last.index]?.id === last.id
