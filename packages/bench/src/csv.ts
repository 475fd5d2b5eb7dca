/**
 * `csv`: a million sessions as CSV, all columns.
 */
import type { Session } from "@hb-sessions/core/Session"
import * as SessionsCsv from "@hb-sessions/core/SessionsCsv"
import { stringify } from "csv-stringify/sync"
import { writeToString } from "fast-csv"
import Papa from "papaparse"
import { compare, type Contestant } from "./Comparison.ts"
import { above, atLeast, comparisonTable, type Section } from "./Report.ts"
import { sessions } from "./samples.ts"

const CHUNK = 1000

type Cell = string | number | boolean | null | undefined

const iso = (millis: number | null | undefined): Cell =>
  millis === undefined || millis === null ? undefined : new Date(millis).toISOString()

/** Reads the cell of a column from a session, the way one writes it by hand. */
const reader = (column: SessionsCsv.ColumnName): ((session: Session) => Cell) => {
  switch (column) {
    case "createdAt":
    case "updatedAt":
    case "startTime":
    case "endTime":
      return (session) => iso(session[column])
    case "launchState.screen.width":
      return ({ launchState }) => launchState?.screen?.width
    case "launchState.screen.height":
      return ({ launchState }) => launchState?.screen?.height
    case "launchState.profile.id":
      return ({ launchState }) => launchState?.profile?.id
    case "launchState.profile.persistChanges":
      return ({ launchState }) => launchState?.profile?.persistChanges
    case "launchState.profile.persistNetworkCache":
      return ({ launchState }) => launchState?.profile?.persistNetworkCache
  }
  const key = column.replace("launchState.", "")
  return key === column
    ? (session) => session[key as keyof Session] as Cell
    : ({ launchState }) => launchState?.[key] as Cell
}

const cellReaders = SessionsCsv.columns.map(reader)

/** A session as the row that a library is given: the same cells in the same order. */
const toCells = (session: Session): Array<Cell> => cellReaders.map((read) => read(session))

/** What one writes without a library: join, and quote where a cell needs it. */
const byHand = (rows: ReadonlyArray<Session>): string => {
  let text = ""
  for (const session of rows) {
    let separator = ""
    for (const read of cellReaders) {
      text += separator
      separator = ","
      const cell = read(session)
      if (cell === undefined || cell === null) continue
      if (typeof cell === "string") text += /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell
      else text += String(cell)
    }
    text += "\r\n"
  }
  return text
}

export const csv = async (rounds: number, isQuick: boolean): Promise<Section> => {
  const count = isQuick ? 100_000 : 1_000_000
  const chunk = sessions(CHUNK)
  const writers: Readonly<Record<string, (rows: ReadonlyArray<Session>) => string | Promise<string>>> = {
    "@hb-sessions/core `SessionsCsv`": SessionsCsv.encodeRows(),
    "a loop by hand": byHand,
    papaparse: (rows) => Papa.unparse(rows.map(toCells)),
    "csv-stringify": (rows) => stringify(rows.map(toCells), { record_delimiter: "\r\n", cast: { boolean: String } }),
    "fast-csv": (rows) => writeToString(rows.map(toCells), { rowDelimiter: "\r\n" })
  }
  const expected = byHand(chunk).trimEnd()
  const contestants: Array<Contestant> = []
  for (const [name, write] of Object.entries(writers)) {
    if ((await write(chunk)).trimEnd() !== expected) throw new Error(`${name} writes another text`)
    contestants.push({
      name,
      run: async () => {
        let characters = 0
        for (let i = 0; i < count / CHUNK; i++) characters += (await write(chunk)).trimEnd().length
        return characters
      }
    })
  }
  const [ours, ...others] = contestants
  if (ours === undefined) throw new Error("nothing to compare with")
  const results = await compare({ rounds, warmups: 0, contestants: [ours, ...others] })
  const ratio = (index: number) => results[index]?.ratio ?? Number.NaN
  const slowestLead = Math.min(ratio(2), ratio(3), ratio(4))
  return {
    name: "csv",
    work: `Write ${count.toLocaleString("en")} sessions as CSV with all ${SessionsCsv.columns.length} columns, in chunks of ${CHUNK.toLocaleString("en")}, without I/O.`,
    tables: [comparisonTable(results, "ms")],
    claims: [
      above("speed relative to the fastest library", 1, slowestLead),
      atLeast("speed relative to a loop by hand", 0.8, ratio(1))
    ]
  }
}
