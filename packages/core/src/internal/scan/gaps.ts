/**
 * What a read of a growing list may have skipped, and on which pages it is now.
 *
 * If page p+1 was read before a session appeared at the head, and page p after it, then neither has the row between them.
 */
import type { Placed } from "./placement.ts"

/** Distances from the end, the upper one not included, that no response surely had. */
export interface Gap {
  readonly from: number
  readonly to: number
  /** How likely it is that rows were skipped there; 0 is most likely. */
  readonly rank: number
}

/** The distances between two bounds that are in no response for certain, from the end of the list to its head. */
export const gapsBetween = (
  placed: ReadonlyArray<Placed>,
  options: { readonly pageSize: number; readonly from: number; readonly to: number }
): ReadonlyArray<Gap> => {
  const { pageSize, to } = options
  const spans = placed
    .map((row) => ({ row, from: row.high - row.page * pageSize, to: row.low - (row.page - 1) * pageSize }))
    .filter((span) => span.from < span.to)
    .toSorted((a, b) => a.from - b.from)
  const gaps: Array<Gap> = []
  let reached = options.from
  let lower: Placed | undefined
  for (const span of spans) {
    if (reached >= to) break
    if (span.from > reached) gaps.push({ from: reached, to: Math.min(span.from, to), rank: rankOf(span.row, lower) })
    if (span.to > reached) {
      reached = span.to
      lower = span.row
    }
  }
  if (reached < to) gaps.push({ from: reached, to, rank: UNLIKELY })
  return gaps
}

const UNLIKELY = 3

/** Rows are skipped between two pages if the one nearer to the end was read before the list grew, the other one after. */
const rankOf = (upper: Placed, lower: Placed | undefined): number => {
  if (lower === undefined) return UNLIKELY
  if (upper.low > lower.high) return 0
  return (upper.told ?? 0) > (lower.told ?? 0) ? 1 : 2
}

/**
 * Numbers of the pages that now hold the gaps, the likeliest first; `total` is what the list holds now. None is above
 * `farthest`, however large a total was told.
 */
export const pagesOf = (
  gaps: ReadonlyArray<Gap>,
  { farthest, pageSize, total }: { readonly pageSize: number; readonly total: number; readonly farthest: number }
): ReadonlyArray<number> => {
  const pages = new Set<number>()
  for (const { from, to } of gaps.toSorted((a, b) => a.rank - b.rank)) {
    const first = Math.max(1, Math.floor((total - to) / pageSize) + 1)
    const last = Math.min(farthest, Math.floor((total - 1 - from) / pageSize) + 1)
    for (let page = first; page <= last; page++) pages.add(page)
  }
  return [...pages]
}
