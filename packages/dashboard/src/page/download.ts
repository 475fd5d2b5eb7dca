/**
 * The sessions that are shown, as a file: made in the page, with core's guard against formulas.
 */
import type { Session } from "@hb-sessions/core/Session"
import { encodeRows, header } from "@hb-sessions/core/SessionsCsv"
import { make } from "./dom.ts"
import { runTime } from "./Row.ts"

/** Saves them as CSV for spreadsheets, with the columns that are shown, but for the one that no session has. */
export const downloadCsv = (sessions: ReadonlyArray<Session>, shown: ReadonlyArray<string>): void => {
  const columns = shown.filter((column) => column !== runTime)
  const options = { dialect: "spreadsheet", bom: true, ...(columns.length === 0 ? {} : { columns }) } as const
  const url = URL.createObjectURL(
    new Blob([header(options), encodeRows(options)(sessions)], { type: "text/csv;charset=utf-8" })
  )
  const link = make("a", { href: url, download: "sessions.csv" })
  link.click()
  // The browser has taken it by then.
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}
