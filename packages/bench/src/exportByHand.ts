/**
 * The export that one writes in an hour instead: pages by undici, rows as text, appended to a file.
 *
 * It checks no value, retries nothing, proves nothing, and leaves half a file when it is stopped. Run as a program, it
 * exports to the file that it is given.
 */
import * as SessionsCsv from "@hb-sessions/core/SessionsCsv"
import { once } from "node:events"
import { createWriteStream } from "node:fs"
import { Agent, request } from "undici"

export interface HandOptions {
  readonly url: string
  readonly apiKey: string
  readonly pageSize: number
  readonly concurrency: number
  readonly file: string
}

interface Row {
  readonly [key: string]: unknown
}

interface RawPage {
  readonly sessions: ReadonlyArray<Row>
  readonly totalCount: number
}

/** The keys that lead to a cell, and whether it is a time, which some keys have as text of milliseconds. */
const cells = SessionsCsv.columns.map((column) => ({ path: column.split("."), isTime: /(?:At|Time)$/.test(column) }))

const cellOf = (row: Row, { isTime, path }: (typeof cells)[number]): string => {
  let value: unknown = row
  for (const key of path) value = typeof value === "object" && value !== null ? (value as Row)[key] : undefined
  if (value === undefined || value === null) return ""
  const text = isTime && !Number.isNaN(Number(value)) ? new Date(Number(value)).toISOString() : String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

const lineOf = (row: Row): string => `${cells.map((cell) => cellOf(row, cell)).join(",")}\r\n`

/** Exports the whole list, its rows in the order in which pages come; answers with how many there were. */
export const exportByHand = async ({ apiKey, concurrency, file, pageSize, url }: HandOptions): Promise<number> => {
  const dispatcher = new Agent({ connections: concurrency })
  const out = createWriteStream(file).setMaxListeners(concurrency + 1)
  let rows = 0
  const write = async (text: string): Promise<void> => {
    if (!out.write(text)) await once(out, "drain")
  }
  const copy = async (page: number): Promise<number> => {
    const { body } = await request(`${url}/api/sessions?page=${page}&limit=${pageSize}`, {
      dispatcher,
      headers: { "x-api-key": apiKey }
    })
    const { sessions, totalCount } = (await body.json()) as RawPage
    rows += sessions.length
    await write(sessions.map(lineOf).join(""))
    return totalCount
  }
  await write(`${SessionsCsv.columns.join(",")}\r\n`)
  const last = Math.ceil((await copy(1)) / pageSize)
  let next = 2
  const worker = async () => {
    while (next <= last) await copy(next++)
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
  out.end()
  await once(out, "close")
  await dispatcher.close()
  return rows
}

const [file] = process.argv.slice(2)
if (import.meta.main && file !== undefined) {
  await exportByHand({
    url: process.env["HYPERBROWSER_BASE_URL"] ?? "",
    apiKey: process.env["HYPERBROWSER_API_KEY"] ?? "",
    pageSize: 100,
    concurrency: 16,
    file
  })
}
