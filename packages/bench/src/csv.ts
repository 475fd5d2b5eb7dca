/**
 * `csv`: a million sessions as CSV, all columns.
 */
import type { Session } from "@hb-sessions/core/Session"
import * as SessionsCsv from "@hb-sessions/core/SessionsCsv"
import { stringify } from "csv-stringify/sync"
import { writeToString } from "fast-csv"
import Papa from "papaparse"
import { compare } from "./Comparison.ts"
import { comparisonTable, type Section, target } from "./Report.ts"
import { sessions } from "./samples.ts"

const ROWS = 1_000_000
const CHUNK = 1000

/** A session as the rows that a library is given: the same cells in the same order. */
const toCells = (session: Session): ReadonlyArray<string | number | boolean | undefined> => {
  const launch = session.launchState ?? {}
  const iso = (millis: number | null | undefined) =>
    millis === undefined || millis === null ? undefined : new Date(millis).toISOString()
  return SessionsCsv.columns.map((column) => {
    switch (column) {
      case "createdAt":
      case "updatedAt":
      case "startTime":
      case "endTime":
        return iso(session[column])
      case "launchState.screen.width":
        return launch.screen?.width
      case "launchState.screen.height":
        return launch.screen?.height
      case "launchState.profile.id":
        return launch.profile?.id
      case "launchState.profile.persistChanges":
        return launch.profile?.persistChanges
      case "launchState.profile.persistNetworkCache":
        return launch.profile?.persistNetworkCache
      default: {
        const value = column.startsWith("launchState.")
          ? launch[column.slice("launchState.".length)]
          : (session[column] ?? undefined)
        return value as string | number | boolean | undefined
      }
    }
  })
}

/** What one writes without a library: join, and quote where a cell needs it. */
const byHand = (rows: ReadonlyArray<Session>): string => {
  let text = ""
  for (const session of rows) {
    const cells = toCells(session)
    for (let i = 0; i < cells.length; i++) {
      if (i > 0) text += ","
      const cell = cells[i]
      if (cell === undefined) continue
      const value = String(cell)
      text += /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value
    }
    text += "\r\n"
  }
  return text
}

export const csv = async (rounds: number): Promise<Section> => {
  const chunk = sessions(CHUNK)
  const encode = SessionsCsv.encodeRows()
  const booleans = (cells: ReadonlyArray<unknown>) =>
    cells.map((cell) => (typeof cell === "boolean" ? String(cell) : cell))
  const repeat = (write: (rows: ReadonlyArray<Session>) => string | Promise<string>) => async () => {
    let characters = 0
    for (let i = 0; i < ROWS / CHUNK; i++) characters += (await write(chunk)).trimEnd().length
    return characters
  }
  const results = await compare({
    rounds,
    warmups: 0,
    contestants: [
      { name: "@hb-sessions/core `SessionsCsv`", run: repeat(encode) },
      { name: "a loop by hand", run: repeat(byHand) },
      { name: "papaparse", run: repeat((rows) => Papa.unparse(rows.map((row) => [...toCells(row)]))) },
      {
        name: "csv-stringify",
        run: repeat((rows) =>
          stringify(
            rows.map((row) => booleans(toCells(row))),
            { record_delimiter: "\r\n" }
          )
        )
      },
      {
        name: "fast-csv",
        run: repeat((rows) =>
          writeToString(
            rows.map((row) => [...toCells(row)]),
            { rowDelimiter: "\r\n" }
          )
        )
      }
    ]
  })
  const ratio = (index: number) => results[index]?.ratio ?? Number.NaN
  const slowestLead = Math.min(ratio(2), ratio(3), ratio(4))
  return {
    name: "csv",
    work: `Write ${ROWS.toLocaleString("en")} sessions as CSV with all ${SessionsCsv.columns.length} columns, in chunks of ${CHUNK.toLocaleString("en")}, without I/O.`,
    table: comparisonTable(results, "ms"),
    notes: [
      target("ahead of every library", slowestLead, slowestLead > 1),
      target("at least 0.8 times as fast as a loop by hand", ratio(1), ratio(1) >= 0.8)
    ]
  }
}
