/**
 * Sessions as a table for people.
 */
import type { Session } from "@hb-sessions/core/Session"
import * as CliOutput from "effect/cli/CliOutput"
import * as Stream from "effect/Stream"
import type { Format } from "./formats.ts"

interface Column {
  readonly title: string
  readonly width: number
  readonly alignRight?: boolean
  readonly cell: (session: Session) => string
}

const columns: ReadonlyArray<Column> = [
  { title: "ID", width: 36, cell: (session) => session.id },
  { title: "STATUS", width: 11, cell: (session) => session.status ?? "-" },
  { title: "CREATED (UTC)", width: 19, cell: (session) => formatTime(session.createdAt) },
  { title: "DURATION", width: 10, alignRight: true, cell: formatDuration },
  { title: "CREDITS", width: 10, alignRight: true, cell: (session) => session.creditsUsed?.toFixed(2) ?? "-" }
]

function formatDuration({ endTime, startTime }: Session): string {
  if (startTime === undefined || startTime === null || endTime === undefined || endTime === null) return "-"
  const seconds = Math.max(0, Math.round((endTime - startTime) / 1000))
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60]
  if (hours > 0) return `${hours}h ${minutes}m`
  return minutes > 0 ? `${minutes}m ${seconds % 60}s` : `${seconds}s`
}

const formatTime = (millis: number | undefined): string =>
  millis === undefined ? "-" : new Date(millis).toISOString().slice(0, 19).replace("T", " ")

// Text of the API must not move the cursor or change colours.
const CONTROL = /[\p{Cc}\p{Cf}\u2028\u2029]/gu

const line = (cells: ReadonlyArray<string>): string =>
  columns
    .map(({ alignRight, width }, index) => {
      const text = (cells[index] ?? "").replace(CONTROL, "\u{FFFD}")
      const padding = " ".repeat(Math.max(0, width - CliOutput.displayWidth(text)))
      return alignRight ? padding + text : text + padding
    })
    .join("  ")
    .trimEnd()

const header = `${line(columns.map(({ title }) => title))}\n`

/** Columns have fixed widths, so the first row can be printed before the last is known. */
export const table: Format = (sessions) =>
  Stream.suspend(() => {
    let rows = 0
    return sessions.pipe(
      Stream.mapArray((chunk) => {
        const text = chunk.map((session) => `${line(columns.map(({ cell }) => cell(session)))}\n`).join("")
        const first = rows === 0
        rows += chunk.length
        return [first ? header + text : text]
      }),
      Stream.concat(Stream.suspend(() => (rows === 0 ? Stream.succeed("No sessions.\n") : Stream.empty)))
    )
  })
