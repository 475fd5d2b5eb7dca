/**
 * How the formats of a whole list are written.
 */
import type { ScanReport } from "@hb-sessions/core/ScanReport"
import { type CsvOptions, encodeRows as csvRows, header as csvHeader } from "@hb-sessions/core/SessionsCsv"
import { encodeRows as ndjsonRows, encodeSession } from "@hb-sessions/core/SessionsNdjson"
import type { Column } from "@hb-sessions/core/SessionsColumns"
import { withoutSecrets } from "@hb-sessions/core/secretKeys"
import type { Session } from "@hb-sessions/core/Session"
import type { Format } from "../http/ContentNegotiation.ts"

/** How a list is written: what precedes the rows, the rows of a page, and what follows. */
export interface Writer {
  readonly head: string
  readonly rows: (sessions: ReadonlyArray<Session>) => string
  /** What follows after a page of rows, so that a client can go on from there. */
  readonly mark: (token: string) => string
  /** What follows at the end, or where a list is ended with a token before it. */
  readonly tail: (ending: { readonly report: ScanReport | undefined } | { readonly resume: string }) => string
}

/** Makes the writer of one list, which has no head of its own where another one is continued. */
export const writer = (format: Format, columns: ReadonlyArray<Column>, isContinued: boolean): Writer => {
  switch (format) {
    case "ndjson":
      return {
        head: "",
        rows: (sessions) => ndjsonRows(sessions.map(withoutSecrets)),
        mark: (resume) => `${JSON.stringify({ resume })}\n`,
        tail: (ending) => `${JSON.stringify(ending)}\n`
      }
    case "csv": {
      const options: CsvOptions = { columns }
      return { head: isContinued ? "" : csvHeader(options), rows: csvRows(options), mark: () => "", tail: () => "" }
    }
    case "json": {
      let separator = ""
      const rows = (sessions: ReadonlyArray<Session>) => {
        if (sessions.length === 0) return ""
        const text = separator + sessions.map((session) => encodeSession(withoutSecrets(session))).join(",")
        separator = ","
        return text
      }
      return { head: '{"sessions":[', rows, mark: () => "", tail: (ending) => `],${JSON.stringify(ending).slice(1)}` }
    }
  }
}
