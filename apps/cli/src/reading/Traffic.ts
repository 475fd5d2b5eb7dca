/**
 * What went over the wire so far, for the progress line.
 */
import * as Context from "effect/Context"

/** Counters that the client moves on as it reads. */
export class Traffic extends Context.Service<
  Traffic,
  {
    pages: number
    /** Rows received, those of pages read again included. */
    rows: number
    /** Sessions in the list, as the last page told; undefined as long as none told. */
    total: number | undefined
  }
>()("@hb-sessions/cli/Traffic") {}

/** The total that a page tells; undefined when it tells none, or what no list has, such as -1. */
export const totalOf = ({ totalCount }: { readonly totalCount?: number }): number | undefined =>
  totalCount !== undefined && Number.isSafeInteger(totalCount) && totalCount >= 0 ? totalCount : undefined
