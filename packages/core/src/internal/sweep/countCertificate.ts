/**
 * The count certificate: as many ids as the list has sessions, from a list that nothing leaves.
 *
 * **Assumption.** No session left the list during the read, totals are right, and no answer comes from a cache.
 *
 * **Proof.** Every id that was read before a moment t is still in the list at t. So the ids read before t are some of the
 * T(t) ids of the list; if there are T(t) of them, they are all of it.
 *
 * **What is checked of the assumption.** A total is never lower than an earlier one, nor than the number of ids read
 * before it. And the ends of the list agree with growth in the order that was observed:
 *
 * - newest first: the first row has moved down by as many places as the total has grown, and the last row is the same.
 *   A purge takes the oldest row, so it changes the last one. If rows came at the head while others left elsewhere, the
 *   first row moved further than the total grew.
 * - oldest first: the first row is the same, and the last one has kept its place.
 * - any other order: no change at all was seen.
 */
import type { Mark } from "./Pass.ts"
import type { Answer, Sweep } from "./Sweep.ts"

/** What was read again at both ends of the list, after a pass. */
export interface Ends {
  /** The head: page 1, and on until a row is known. */
  readonly head: ReadonlyArray<Answer>
  /** The answer to the page that had the pass's last row. */
  readonly anchor: Answer
  /** The last page, asked for alone after all other answers were taken: the moment. */
  readonly tail: Answer
}

/** `violated`: sessions may have left the list. */
export type CountVerdict = "proven" | "open" | "violated"

/** Compares what was read before the last page was read again with the total that it gave. */
export const countCertificate = (sweep: Sweep, ends: Ends): CountVerdict => {
  const { rules, totalFell, totalFirst, unreadable } = sweep
  const { known, total } = ends.tail
  // A row without an id that changed between two responses would count twice.
  if (unreadable > 0) return "violated"
  if (total === undefined || totalFirst === undefined) return "violated"
  if (!rules.onlyGrew({ totalFell, endsAgree: agree(sweep, ends) })) return "violated"
  return known === rules.totalToReach(total, totalFirst) ? "proven" : "open"
}

const agree = (sweep: Sweep, { anchor, head, tail }: Ends): boolean => {
  const { observer, pass, pageSize, totalChanged } = sweep
  const { first, last } = pass
  if (first === undefined || last === undefined || pageSize === undefined) return false
  const shifted = head.some((answer) => {
    const index = answer.sessions.findIndex(({ id }) => id === first.id)
    const grown = answer.total === undefined || first.total === undefined ? Number.NaN : answer.total - first.total
    const expected = observer.order === "newest-first" ? grown : 0
    return index !== -1 && (answer.page - 1) * pageSize + index === expected
  })
  if (!shifted) return false
  if (observer.order === "newest-first") return isLast(last, tail)
  if (observer.order === "oldest-first") return keptItsPlace(last, anchor)
  return !totalChanged && pass.duplicates === 0 && isLast(last, tail)
}

const isLast = (last: Mark, tail: Answer): boolean => tail.sessions.at(-1)?.id === last.id

const keptItsPlace = (last: Mark, anchor: Answer): boolean =>
  anchor.page === last.page && anchor.sessions[last.index]?.id === last.id
