/**
 * The sessions that are shown, as a file: made in the page, with core's guard against formulas.
 */
import type { Session } from "@hb-sessions/core/Session"
import { isContractColumn } from "@hb-sessions/core/SessionsColumns"
import { encodeRows, header } from "@hb-sessions/core/SessionsCsv"
import { make } from "./dom.ts"

/** Saves them as CSV for spreadsheets, with the columns of the contract among those that are shown first. */
export const downloadCsv = (sessions: ReadonlyArray<Session>, shown: ReadonlyArray<string>): void => {
  const columns = shown.filter(isContractColumn)
  const options = { dialect: "spreadsheet", bom: true, ...(columns.length === 0 ? {} : { columns }) } as const
  const url = URL.createObjectURL(
    new Blob([header(options), encodeRows(options)(sessions)], { type: "text/csv;charset=utf-8" })
  )
  const link = make("a", { href: url, download: "sessions.csv" })
  link.click()
  // The browser has taken it by then.
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}
