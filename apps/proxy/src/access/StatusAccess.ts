/**
 * What a token of some statuses may see: the one rule, whatever the upstream makes of the filter that it is sent.
 *
 * A route checks what is asked for (`checkQuery`), keys what it keeps (`keyOf`), filters what it reads (`filter`), and
 * nothing is sent from the cache without `checkResponse`.
 */
import type { ScanReport } from "@hb-sessions/core/ScanReport"
import type { Session } from "@hb-sessions/core/Session"
import { invalidParameter, reject, type Rejection } from "../http/Problem.ts"
import type { Client } from "./Token.ts"

/** The statuses that may be seen; undefined for all. */
type Statuses = Client["statuses"]

/**
 * Why a query may not be asked; undefined if it may.
 *
 * **Details**
 *
 * A token of some statuses must say which of them it wants: nothing is filtered behind a client's back. It must not send
 * parameters that the contract does not know (`extra`), as the upstream may take one of them for a wider filter.
 */
export const checkQuery = (
  { statuses }: Client,
  wanted: Iterable<string> | undefined,
  extra: ReadonlyArray<string> = []
): Rejection | undefined => {
  if (statuses === undefined) return undefined
  if (wanted === undefined || [...wanted].some((status) => !statuses.has(status))) {
    const allowedStatuses = [...statuses]
    const names = allowedStatuses.join(", ")
    return reject("status-not-allowed", `this token must send the parameter status, with one or more of: ${names}`, {
      parameter: "status",
      allowedStatuses
    })
  }
  const [unknown] = extra
  return unknown === undefined
    ? undefined
    : invalidParameter(
        unknown,
        "unknown; a token that is limited to some statuses may send only page, status and limit"
      )
}

/** The part of a cache key that keeps answers for tokens of different statuses apart. */
export const keyOf = (statuses: Statuses): string =>
  statuses === undefined ? "all" : JSON.stringify([...statuses].toSorted())

/** Why an answer that holds sessions of these statuses may not be sent; undefined if it may. */
export const checkResponse = (
  { statuses }: Pick<Client, "statuses">,
  held: ReadonlySet<string>
): Rejection | undefined =>
  statuses === undefined || [...held].every((status) => statuses.has(status))
    ? undefined
    : reject("upstream-invalid", "the upstream did not filter by status, and the token does not allow all of them")

/** The rows that may be seen, and a report that counts no others. */
interface StatusFilter {
  readonly rows: (sessions: ReadonlyArray<Session>) => ReadonlyArray<Session>
  readonly report: (report: ScanReport | undefined) => ScanReport | undefined
}

/** Filters what is read; undefined lets everything through. */
export const filter = (statuses: Statuses): StatusFilter => {
  if (statuses === undefined) return { rows: (sessions) => sessions, report: (report) => report }
  let shown = 0
  let hidden = 0
  return {
    rows: (sessions) => {
      const visible = sessions.filter(({ status = "" }) => statuses.has(status))
      shown += visible.length
      hidden += sessions.length - visible.length
      return visible
    },
    report: (report) => {
      if (report === undefined || hidden === 0) return report
      const { totalCountFirst: _first, totalCountLast: _last, ...kept } = report
      return {
        ...kept,
        ...{ rowsRead: shown, distinctRows: shown, duplicatesDropped: 0, emittedRows: shown },
        ...{ unreadableRows: 0, ignoredValues: {} }
      }
    }
  }
}
