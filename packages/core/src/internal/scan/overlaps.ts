/**
 * Whether the rows that pages share agree with how the list grew between them.
 *
 * In a list that only grows at its head, page p+1 repeats exactly as many rows of page p as the list grew by between the
 * reading of the two, and none if it did not. So where it repeats more, something left the list below those rows or entered
 * it lower than at its head; and where it repeats fewer, something entered lower. What a list held while a page was read is
 * known between two totals only, as in `placement`, so this finds what is outside of both.
 */
import { totalsAround } from "./placement.ts"
import type { Scan } from "./Scan.ts"

/** Compares each page of the first pass with those above it; the list is newest first. */
export const overlapsAgree = ({ pageSize, pass, responses }: Scan): boolean => {
  if (pageSize === undefined) return false
  const seen = [...responses.from(0)]
  const boundsOf = totalsAround(seen, { low: 0, high: Infinity })
  const pages = seen
    .slice(pass.start)
    .filter(({ repeated }) => repeated !== undefined)
    .toSorted((a, b) => a.page - b.page)
  // How far down any page above reaches at least, as a distance from the end of the list.
  let reached = Infinity
  let previous: { readonly page: number; readonly high: number } | undefined
  for (const response of pages) {
    const { page, repeated = 0 } = response
    const [low, high] = boundsOf(response)
    if (repeated > Math.max(0, high - (page - 1) * pageSize - reached)) return false
    const isWhole = page < pass.reached
    if (previous?.page === page - 1 && isWhole && repeated < Math.min(pageSize, low - previous.high)) return false
    reached = Math.min(reached, low - page * pageSize)
    previous = { page, high }
  }
  return true
}
