/**
 * Where to look for rows that a read of a growing list may have skipped.
 *
 * If page p+1 was read before a session appeared at the head, and page p after it, then neither has the row between them.
 * This only says where to look. What has been found is proven by a certificate, so a wrong guess costs requests, not
 * rows.
 */
import type { Gap } from "./placement.ts"

/** Numbers of the pages that now hold the gaps, the likeliest first; `total` is what the list holds now. */
export const unreadPages = (
  gaps: ReadonlyArray<Gap>,
  { pageSize, total }: { readonly pageSize: number; readonly total: number }
): ReadonlyArray<number> => {
  const pages = new Set<number>()
  for (const { from, to } of gaps.toSorted((a, b) => a.rank - b.rank)) {
    const last = Math.floor((total - 1 - from) / pageSize) + 1
    for (let page = Math.floor((total - to) / pageSize) + 1; page <= last; page++) if (page >= 1) pages.add(page)
  }
  return [...pages]
}
