import { Session } from "@hb-sessions/core/Session"
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { makePartitionOf, makeRows } from "../src/files/RowEncoder.ts"
import { rowReader } from "../src/files/rowReader.ts"
import type { Selection } from "../src/settings/Selection.ts"

const selection: Selection = {
  mode: "snapshot",
  format: "csv",
  compress: "none",
  columns: ["id", "status"],
  dialect: "plain",
  partition: "none",
  timeZone: "UTC",
  status: [],
  server: "http://localhost/"
}

const session = Schema.decodeSync(Session)({
  id: '=a",\nb',
  status: "closed",
  token: "SECRET",
  launchState: { screen: { width: 1280 } }
})

describe("rows", () => {
  it("are CSV with the columns of the selection", () => {
    const { encode, header } = makeRows(selection)
    assert.strictEqual(header + encode([session]), 'id,status\r\n"=a"",\nb",closed\r\n')
  })

  it("are guarded against formulas in the spreadsheet dialect", () => {
    const { encode } = makeRows({ ...selection, dialect: "spreadsheet" })
    assert.strictEqual(encode([session]), `"'=a"",\nb",closed\r\n`)
  })

  it("are NDJSON with the columns nested, or with every key except secrets", () => {
    const ndjson = { ...selection, format: "ndjson" } as const
    const picked = makeRows({ ...ndjson, columns: ["launchState.screen.width"] })
    assert.strictEqual(picked.header + picked.encode([session]), '{"launchState":{"screen":{"width":1280}}}\n')
    assert.deepStrictEqual(JSON.parse(makeRows({ ...ndjson, columns: [] }).encode([session])), {
      id: session.id,
      status: "closed",
      launchState: { screen: { width: 1280 } }
    })
  })

  it("are read again with their ids, in pieces of any size", () => {
    for (const form of [selection, { ...selection, format: "ndjson" } as const]) {
      const { encode, header } = makeRows(form)
      const bytes = Buffer.from(header + encode([session, session]))
      for (const size of [1, 7, bytes.length]) {
        const reader = rowReader(form)
        const rows = Array.from({ length: Math.ceil(bytes.length / size) }, (_, piece) =>
          reader.read(bytes.subarray(piece * size, (piece + 1) * size))
        ).flat()
        assert.deepStrictEqual(
          rows.map(({ id }) => id),
          [session.id, session.id]
        )
        assert.deepStrictEqual(Buffer.concat([reader.header(), ...rows.map((row) => row.bytes)]), bytes)
      }
    }
  })
})

describe("partitions", () => {
  it("are days and months of the time zone, or undated", () => {
    const day = makePartitionOf({ partition: "day", timeZone: "Pacific/Auckland" })
    const month = makePartitionOf({ partition: "month", timeZone: "America/New_York" })
    const newYear = Date.UTC(2026, 0, 1)
    assert.deepStrictEqual(
      [day(newYear - 1), day(newYear + 11 * 3_600_000), month(newYear), day(undefined), day(-1e15)],
      ["2026-01-01", "2026-01-02", "2025-12", "undated", "undated"]
    )
    assert.strictEqual(makePartitionOf({ partition: "none", timeZone: "UTC" })(newYear), "")
  })
})
