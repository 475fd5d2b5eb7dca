/**
 * Where in the list the rows of each response were.
 *
 * In a list that only grows at its head the distance of a row from the *end* never changes. The rows of page p, read when
 * the list held T sessions, are those at the distances from T - p·L up to, but not including, T - (p-1)·L, where L is the
 * page size.
 *
 * T is not quite what the response says, as a server may count the list a moment before or after it reads the rows. But
 * totals never fall, so T lies between every total that was complete before the request and every one that was asked for
 * after the response. And the rows tell more: where page p+1 repeats k rows of earlier pages, T grew by k between the
 * two; where it repeats none, T did not grow. That is only so where page p+1 has a row that is not repeated: at the end of
 * the list, it may be short of room for more.
 */
import type { Response } from "./Responses.ts"
import type { Rules } from "./Rules.ts"

/** A page that was taken, and the bounds of what the list held when its rows were read. */
export interface Placed {
  readonly page: number
  readonly told: number | undefined
  readonly low: number
  readonly high: number
}

type Mutable = { -readonly [Key in keyof Placed]: Placed[Key] } & {
  readonly repeated: number | undefined
  readonly isAllRepeated: boolean
}

export interface PlacementOptions {
  readonly pageSize: number
  /** Only responses from this index on are placed; the totals of all count. */
  readonly start: number
  /** The bounds where no total was told before, or after. */
  readonly low: number
  readonly high: number
  readonly rules: Pick<Rules, "placedBetween">
}

/** Places the responses whose rows were taken. */
export const placeRows = (responses: Iterable<Response>, options: PlacementOptions): ReadonlyArray<Placed> => {
  const seen = [...responses]
  const boundsOf = totalsAround(seen, options)
  const placed = seen
    .slice(options.start)
    .filter(({ isTaken }) => isTaken)
    .map((response): Mutable => {
      const { isAllRepeated = false, page, repeated, total: told } = response
      const [low, high] = options.rules.placedBetween(boundsOf(response), told)
      return { page, repeated, isAllRepeated, told, low, high }
    })
  tighten(
    placed.filter(({ repeated }) => repeated !== undefined).toSorted((a, b) => a.page - b.page),
    options.pageSize
  )
  return placed
}

/** For a response: the highest total that was complete before its request, and the lowest asked for after it. */
export const totalsAround = (seen: ReadonlyArray<Response>, outer: { readonly low: number; readonly high: number }) => {
  const counted = seen.filter(({ total }) => total !== undefined)
  const byCompleted = counted.toSorted((a, b) => a.completed - b.completed)
  const byAsked = counted.toSorted((a, b) => a.asked - b.asked)
  const highest: Array<number> = []
  for (const { total = 0 } of byCompleted) highest.push(Math.max(total, highest.at(-1) ?? 0))
  const lowest = byAsked.map(() => outer.high)
  for (let at = byAsked.length - 1, low = outer.high; at >= 0; at--) {
    low = Math.min(low, byAsked[at]!.total ?? low)
    lowest[at] = low
  }

  return ({ asked, completed }: Response): readonly [low: number, high: number] => {
    const before = countWhile(byCompleted, (other) => other.completed < asked)
    const upTo = countWhile(byAsked, (other) => other.asked <= completed)
    return [highest[before - 1] ?? outer.low, lowest[upTo] ?? outer.high]
  }
}

/** How many of a sorted list come before the first that does not match. */
const countWhile = <A>(sorted: ReadonlyArray<A>, matches: (value: A) => boolean): number => {
  let [from, to] = [0, sorted.length]
  while (from < to) {
    const middle = (from + to) >> 1
    if (matches(sorted[middle]!)) from = middle + 1
    else to = middle
  }
  return from
}

/** Carries the bounds of each page of a pass on to its neighbours, down the list and up again. */
const tighten = (pass: ReadonlyArray<Mutable>, pageSize: number): void => {
  // Rows that a page repeats are those of the page before, as long as it was read below these totals.
  const limits = [Infinity]
  for (let at = 1, limit = Infinity; at < pass.length; at++) {
    limits.push(Math.min(limit, pass[at - 1]!.low + pageSize))
    limit = Math.min(limit, pass[at - 1]!.low) + pageSize
  }
  const between = (at: number) => {
    const upper = pass[at - 1]!
    const lower = pass[at]!
    const { repeated = 0 } = lower
    if (lower.page !== upper.page + 1 || lower.isAllRepeated || lower.high > limits[at]!) return
    lower.high = Math.min(lower.high, upper.high + repeated)
    upper.low = Math.max(upper.low, lower.low - repeated)
    if (repeated === 0) return
    lower.low = Math.max(lower.low, upper.low + repeated)
    upper.high = Math.min(upper.high, lower.high - repeated)
  }
  for (let at = 1; at < pass.length; at++) between(at)
  for (let at = pass.length - 1; at > 0; at--) between(at)
}
