/**
 * Where to look for rows that a pass over a growing list skipped.
 *
 * In a list that only grows at its head the distance of a row from the *end* never changes. A response for page p, read
 * when the list held T sessions, covered the distances from T - p·L up to, but not including, T - (p-1)·L, where L is the
 * page size. If page p+1 was read before sessions appeared and page p after it, the rows between them are a gap.
 *
 * T is not quite what the response says, as a server may count the list a moment before or after it reads the rows. But
 * totals never fall, so T lies between every total that was complete before the request and every one that was asked for
 * after the response. And the rows tell more: where page p+1 repeats k rows of earlier pages, T grew by k between the
 * two; where it repeats none, T did not grow. From both the bounds of every page follow, and with them where a gap can
 * be: seldom anywhere but next to a change.
 *
 * This only says where to look. What has been found is proven by a certificate, so a wrong guess costs requests, not
 * rows.
 */
import type { Response } from "./Responses.ts"

/** A page of the pass and the bounds of the total that its rows were read at. */
interface Bounded {
  readonly page: number
  readonly repeated: number
  readonly told: number | undefined
  low: number
  high: number
}

/** Distances from the end, the upper one not included, and how likely it is that they were skipped: 0 is most likely. */
interface Gap {
  readonly from: number
  readonly to: number
  readonly rank: number
}

/** Numbers of the pages that now hold what may have been skipped, the likeliest first; `total` is what the list holds now. */
export const unreadPages = (
  responses: Iterable<Response>,
  options: { readonly pageSize: number; readonly total: number }
): ReadonlyArray<number> => {
  const { pageSize, total } = options
  const seen = [...responses]
  const boundsOf = totalsAround(seen, total)
  const pass: Array<Bounded> = []
  const covered: Array<readonly [from: number, to: number]> = []
  for (const response of seen) {
    const { page, repeated, total: told } = response
    const [low, high] = boundsOf(response)
    if (repeated === undefined) covered.push([high - page * pageSize, low - (page - 1) * pageSize])
    else pass.push({ page, repeated, told, low, high })
  }
  pass.sort((a, b) => a.page - b.page)
  tighten(pass, pageSize)

  const pages = new Set<number>()
  for (const gap of gapsOf(pass, pageSize)) {
    const from = Math.max(0, gap.from)
    const to = Math.min(total, gap.to)
    for (let page = Math.floor((total - to) / pageSize) + 1; (page - 1) * pageSize < total - from; page++) {
      const lowest = Math.max(from, total - page * pageSize)
      const highest = Math.min(to, total - (page - 1) * pageSize)
      if (!covered.some(([a, b]) => a <= lowest && highest <= b)) pages.add(page)
    }
  }
  return [...pages]
}

/** For a response: the highest total that was complete before its request, and the lowest asked for after it. */
const totalsAround = (seen: ReadonlyArray<Response>, last: number) => {
  const counted = seen.filter(({ total }) => total !== undefined)
  const byCompleted = counted.toSorted((a, b) => a.completed - b.completed)
  const byAsked = counted.toSorted((a, b) => a.asked - b.asked)
  const highest: Array<number> = []
  for (const { total = 0 } of byCompleted) highest.push(Math.max(total, highest.at(-1) ?? 0))
  const lowest = new Array<number>(byAsked.length)
  for (let at = byAsked.length - 1, low = last; at >= 0; at--)
    lowest[at] = low = Math.min(low, byAsked[at]!.total ?? low)

  return ({ asked, completed, total }: Response): readonly [low: number, high: number] => {
    const before = countBelow(byCompleted, (other) => other.completed < asked)
    const upTo = countBelow(byAsked, (other) => other.asked <= completed)
    return [highest[before - 1] ?? total ?? 0, lowest[upTo] ?? last]
  }
}

/** How many of a sorted list come before the first that does not match. */
const countBelow = <A>(sorted: ReadonlyArray<A>, matches: (value: A) => boolean): number => {
  let [from, to] = [0, sorted.length]
  while (from < to) {
    const middle = (from + to) >> 1
    if (matches(sorted[middle]!)) from = middle + 1
    else to = middle
  }
  return from
}

/** Carries the bounds of each page on to its neighbours, down the list and up again. */
const tighten = (pass: ReadonlyArray<Bounded>, pageSize: number): void => {
  const between = (upper: Bounded, lower: Bounded) => {
    const { repeated } = lower
    if (repeated === 0) {
      lower.high = Math.min(lower.high, upper.high)
      upper.low = Math.max(upper.low, lower.low)
    } else if (repeated < pageSize) {
      lower.high = Math.min(lower.high, upper.high + repeated)
      lower.low = Math.max(lower.low, upper.low + repeated)
      upper.high = Math.min(upper.high, lower.high - repeated)
      upper.low = Math.max(upper.low, lower.low - repeated)
    }
  }
  for (let at = 1; at < pass.length; at++) between(pass[at - 1]!, pass[at]!)
  for (let at = pass.length - 1; at > 0; at--) between(pass[at - 1]!, pass[at]!)
}

const gapsOf = (pass: ReadonlyArray<Bounded>, pageSize: number): ReadonlyArray<Gap> => {
  const gaps: Array<Gap> = []
  for (let at = 1; at < pass.length; at++) {
    const upper = pass[at - 1]!
    const lower = pass[at]!
    const from = lower.low - (lower.page - 1) * pageSize
    const to = upper.high - upper.page * pageSize
    if (lower.repeated > 0 || from >= to) continue
    const rank = upper.low > lower.high ? 0 : (upper.told ?? 0) > (lower.told ?? 0) ? 1 : 2
    gaps.push({ from, to, rank })
  }
  return gaps.toSorted((a, b) => a.rank - b.rank)
}
