/**
 * What went over the wire so far, for the progress line.
 */
import * as Context from "effect/Context"

/** Counters that the client updates as it reads. */
export class Traffic extends Context.Service<
  Traffic,
  {
    pages: number
    /** Rows received, those of pages read again included. */
    rows: number
    /** Sessions in the list, by the last page with a total; undefined until there is one. */
    total: number | undefined
  }
>()("@hb-sessions/cli/Traffic") {}

/** The total of a page; undefined when it has none, or an impossible one such as -1. */
export const totalOf = ({ totalCount }: { readonly totalCount?: number }): number | undefined =>
  totalCount !== undefined && Number.isSafeInteger(totalCount) && totalCount >= 0 ? totalCount : undefined
