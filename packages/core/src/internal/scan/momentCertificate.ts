/**
 * The moment certificate: a proof that a read has met the whole list, as it was at one moment.
 *
 * **Assumption.** An id that has left the list does not come back into it, totals are right, and no answer comes from a
 * cache: it shows the list as it was between its request and its completion.
 *
 * **Proof.** Let t be a response that says that the list holds T(t) sessions. It was asked for at a(t) and complete at
 * c(t); the server counted the list at some instant i between the two. Let an id be *known at t* if a response that was
 * complete before a(t) held it, and a response that was asked for after c(t) held it. The first one saw the id in the
 * list before i, the second one after i, and ids do not come back: so the id was in the list at i. Hence the ids known
 * at t are some of the T(t) ids of the list at i; and if there are T(t) of them, they are all of it. A session that is
 * in the list during the whole read was in it at i, so it is known at t: it was read.
 *
 * For an id only two numbers matter: `first`, at which the first response that held it was complete, and `last`, at
 * which the last such response was asked for. It is known at t exactly if `first` < a(t) and c(t) < `last`. The rows of
 * t itself never count (their `first` is not below a(t) for being in t), nor do those of responses in flight with t.
 *
 * All moments are counted in one scan over the ids. Moments are put in the order of a(t), and each c(t) is replaced by
 * the largest c among the moments asked for up to it. That can only make an id known at fewer moments, so the proof
 * holds; it makes the moments at which an id is known a run of neighbours, so two additions an id suffice.
 *
 * **What is checked of the assumption.** No more ids are known at t than T(t). And the rows of t were in the list together
 * with all that are known at t: at some instant between a(t) and c(t), which need not be i. If they are more than any total
 * ever told, then the totals are not believed, as with a server that leaves out the last row.
 */
import type { IdTable } from "./IdTable.ts"
import type { Response, Responses } from "./Responses.ts"
import type { Rules } from "./Rules.ts"

/**
 * `contradicted`: more ids are known at a moment than its total says, so the assumption does not hold. `exceeded`: it would
 * be proven, but more ids were in the list at once than any total says.
 */
export type MomentVerdict = "proven" | "open" | "contradicted" | "exceeded"

/** Looks for a moment at which as many ids are known as the list had sessions. */
export const momentCertificate = (
  table: IdTable,
  responses: Responses,
  { knownBefore, knownAfter }: Pick<Rules, "knownBefore" | "knownAfter">
): MomentVerdict => {
  const moments = [...responses.from(0)].filter(hasTotal).toSorted((a, b) => knownBefore(a) - knownBefore(b))
  const clock = [...responses.from(0)].reduce((latest, { completed }) => Math.max(latest, completed), 0)

  // For a number of the clock: how many moments, in their order, begin no later than it ...
  const begun = new Int32Array(clock + 2)
  // ... and how many have surely ended before it.
  const ended = new Int32Array(clock + 2)
  // ... and whose request it is, or whose completion.
  const momentAt = new Int32Array(clock + 2).fill(NONE)
  let end = 0
  for (const [index, moment] of moments.entries()) {
    momentAt[moment.asked] = index
    momentAt[moment.completed] = index
    begun[clampClock(knownBefore(moment), clock)]!++
    end = Math.max(end, knownAfter(moment))
    ended[clampClock(end + 1, clock)]!++
  }
  for (let at = 1; at < clock + 2; at++) {
    begun[at]! += begun[at - 1]!
    ended[at]! += ended[at - 1]!
  }

  const changes = new Int32Array(moments.length + 1)
  // Own rows of a moment that are not known at it: as many as no other response held before, or held after.
  const own = new Int32Array(moments.length)
  table.forEach((first, last) => {
    const [firstMoment, lastMoment] = [momentAt[first]!, momentAt[last]!]
    if (firstMoment !== NONE) own[firstMoment]!++
    if (lastMoment !== NONE && lastMoment !== firstMoment) own[lastMoment]!++
    const from = begun[first]!
    const to = ended[last]!
    if (from < to) {
      changes[from]!++
      changes[to]!--
    }
  })

  const largest = moments.reduce((most, { total }) => Math.max(most, total), 0)
  let known = 0
  let isProven = false
  let isExceeded = false
  for (const [index, { total }] of moments.entries()) {
    known += changes[index]!
    if (known > total) return "contradicted"
    isProven ||= known === total
    isExceeded ||= known + own[index]! > largest
  }
  return isProven ? (isExceeded ? "exceeded" : "proven") : "open"
}

const NONE = -1

const hasTotal = (response: Response): response is Response & { readonly total: number } => response.total !== undefined

const clampClock = (number: number, clock: number): number => Math.min(Math.max(number, 0), clock + 1)
