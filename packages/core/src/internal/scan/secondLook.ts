/**
 * A second look at one page between the ends of a list that seems quiet.
 *
 * Where a session leaves the middle and another one enters the middle, the total stays, and so do both ends. All pages
 * between the two places change. So a page shows it if it is between them, was read before, and is read again: most likely
 * one that is near the middle and was read early.
 */
import type { Answer } from "./Answer.ts"
import type { Response } from "./Responses.ts"
import type { Scan } from "./Scan.ts"

/** A page as the pass read it, and as it is now. */
export interface SecondLook {
  readonly before: Response
  readonly again: Answer
}

/** What the pass read of the page at which a second look tells most; undefined where it read none but the first. */
export const pageToLookAt = ({ lastPage, pass, responses }: Scan): Response | undefined => {
  const read = [...responses.from(pass.start)].filter(({ page, repeated }) => page > 1 && repeated !== undefined)
  const end = read.reduce((latest, { completed }) => Math.max(latest, completed), 0) + 1
  const chanceOf = ({ completed, page }: Response) => {
    const place = (page - 0.5) / lastPage
    return place * (1 - place) * (end - completed)
  }
  return read.reduce<Response | undefined>(
    (best, response) => (best === undefined || chanceOf(response) > chanceOf(best) ? response : best),
    undefined
  )
}

/** Whether the page has the rows that it had. */
export const hasKeptRows = ({ rules, table }: Scan, { again, before }: SecondLook): boolean =>
  again.sessions.length > 0 && again.sessions.every(({ id }) => table.firstOf(id) === rules.readAt(before))
