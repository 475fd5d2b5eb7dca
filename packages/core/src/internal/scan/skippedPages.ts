/**
 * Where to look for rows that a fast read skipped.
 *
 * If rows left the list after page p was read and before page p+1 was, as many moved from page p+1 to the end of page p.
 * If rows entered it after page p+1 was read and before page p was, as many moved from page p to page p+1. In either case
 * neither response has them, and the total that came with page p+1 is lower by just as many, unless rows left and entered
 * at once. So this finds most of them, and proves nothing.
 */
import type { Response } from "./Responses.ts"

/**
 * Numbers of the pages that probably hold such rows now, ascending; `total` is what the list holds now. None is above
 * `farthest`, however large a total was told.
 */
export const skippedPages = (
  responses: Iterable<Response>,
  { farthest, pageSize, total }: { readonly pageSize: number; readonly total: number; readonly farthest: number }
): ReadonlyArray<number> => {
  const pages = new Set<number>()
  const pass = [...responses].filter(({ repeated }) => repeated !== undefined).toSorted((a, b) => a.page - b.page)
  for (const [index, lower] of pass.entries()) {
    const upper = pass[index - 1]
    if (upper?.total === undefined || lower.total === undefined || upper.total <= lower.total) continue
    const end = (lower.page - 1) * pageSize
    // What has entered and left since may have been above them or below.
    const moved = total - lower.total
    const first = end - (upper.total - lower.total) + Math.min(0, moved)
    const last = Math.min(end + Math.max(0, moved), total, farthest * pageSize) - 1
    for (let page = Math.floor(Math.max(0, first) / pageSize) + 1; (page - 1) * pageSize <= last; page++)
      pages.add(page)
  }
  return [...pages].toSorted((a, b) => a - b)
}
