/**
 * Where to look for rows that a read of a growing list skipped.
 *
 * In a list that only grows at its head the distance of a row from the *end* never changes. A response for page p that
 * says that the list holds T sessions covered the distances from T - p·L up to, but not including, T - (p-1)·L, where L
 * is the page size. What no response covered is a gap: page p+1 was read before a session appeared, page p after it.
 *
 * This only says where to look. What has been found is proven by a certificate, so a wrong guess costs requests, not
 * rows.
 */
import type { Response } from "./Responses.ts"

/** Numbers of the pages, ascending, that now hold what no response covered; `total` is what the list holds now. */
export const unreadPages = (
  responses: Iterable<Response>,
  { pageSize, total }: { readonly pageSize: number; readonly total: number }
): ReadonlyArray<number> => {
  const covered: Array<readonly [from: number, to: number]> = []
  for (const response of responses) {
    if (response.total === undefined) continue
    covered.push([response.total - response.page * pageSize, response.total - (response.page - 1) * pageSize])
  }
  covered.sort(([a], [b]) => a - b)

  const pages = new Set<number>()
  const addGap = (from: number, to: number) => {
    for (let page = pageAt(to - 1); page <= pageAt(from); page++) pages.add(page)
  }
  const pageAt = (distance: number) => Math.floor((total - 1 - distance) / pageSize) + 1
  let reached = 0
  for (const [from, to] of covered) {
    if (from > reached) addGap(reached, Math.min(from, total))
    reached = Math.max(reached, to)
    if (reached >= total) break
  }
  if (reached < total) addGap(reached, total)
  return [...pages].toSorted((a, b) => a - b)
}
