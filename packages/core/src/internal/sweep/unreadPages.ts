/**
 * Where to look for rows that a read of a growing list skipped.
 *
 * In a list that only grows at its head the distance of a row from the *end* never changes. A response for page p that
 * says that the list holds T sessions covered the distances from T - p·L up to, but not including, T - (p-1)·L, where L
 * is the page size. What no response covered is a gap: page p+1 was read before a session appeared, page p after it.
 *
 * A server may count the list a moment before or after it reads the rows. While the list grows, the rows of a response
 * may then be those of any total near it, so it surely covered less; what no response surely covered is suspect.
 *
 * This only says where to look. What has been found is proven by a certificate, so a wrong guess costs requests, not
 * rows.
 */
import type { Response } from "./Responses.ts"

type Counted = Response & { readonly total: number }

/** Numbers of the pages, ascending, that now hold what no response covered; `total` is what the list holds now. */
export const unreadPages = (
  responses: Iterable<Response>,
  options: { readonly pageSize: number; readonly total: number; readonly surely: boolean }
): ReadonlyArray<number> => {
  const { pageSize, surely, total } = options
  const counted = [...responses].filter((response): response is Counted => response.total !== undefined)
  const covered = counted.map((response, index) => {
    const [low, high] = surely ? totalsNear(counted, index) : [response.total, response.total]
    return [high - response.page * pageSize, low - (response.page - 1) * pageSize] as const
  })

  const pages = new Set<number>()
  const pageAt = (distance: number) => Math.floor((total - 1 - distance) / pageSize) + 1
  const addGap = (from: number, to: number) => {
    for (let page = pageAt(to - 1); page <= pageAt(from); page++) pages.add(page)
  }
  let reached = 0
  for (const [from, to] of covered.toSorted(([a], [b]) => a - b)) {
    if (reached >= total) break
    if (from > reached) addGap(reached, Math.min(from, total))
    reached = Math.max(reached, to)
  }
  if (reached < total) addGap(reached, total)
  return [...pages].toSorted((a, b) => a - b)
}

/** The lowest and the highest total of the responses in flight with one, of the one before and of the one after. */
const totalsNear = (counted: ReadonlyArray<Counted>, index: number): readonly [low: number, high: number] => {
  const { asked, completed, total } = counted[index]!
  let [low, high] = [total, total]
  const include = (other: Counted) => {
    low = Math.min(low, other.total)
    high = Math.max(high, other.total)
  }
  for (let at = index - 1; at >= 0; at--) {
    include(counted[at]!)
    if (counted[at]!.completed < asked) break
  }
  for (let at = index + 1; at < counted.length; at++) {
    include(counted[at]!)
    if (counted[at]!.asked > completed) break
  }
  return [low, high]
}
