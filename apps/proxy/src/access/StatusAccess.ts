/**
 * What a token of some statuses may see, whatever the upstream makes of the filter that it is sent.
 */
import type { Session } from "@hb-sessions/core/Session"
import type { ScanReport } from "@hb-sessions/core/ScanReport"

/** The rows that may be seen, and a report that counts no others. */
export interface Visible {
  readonly rows: (sessions: ReadonlyArray<Session>) => ReadonlyArray<Session>
  readonly report: (report: ScanReport | undefined) => ScanReport | undefined
}

/** Makes the filter; undefined lets everything through. */
export const make = (statuses: ReadonlySet<string> | undefined): Visible => {
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
