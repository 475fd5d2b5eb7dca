/**
 * Makes a Parquet file of lines of text.
 */
import { ByteWriter, ParquetWriter } from "hyparquet-writer"
import zlib from "node:zlib"
import { columnType } from "@hb-sessions/core/SessionsColumns"
import manifest from "../../package.json" with { type: "json" }
import type { Form } from "./Form.ts"
import { fromLine, parquetColumns, parquetSchema } from "./parquetSchema.ts"
import { splitLines } from "./splitLines.ts"

/** Most rows of a row group. */
export const GROUP_ROWS = 50_000

/** Bytes of lines after which a row group ends. */
export const GROUP_BYTES = 16 * 1024 * 1024

const codecs = { none: "UNCOMPRESSED", snappy: "SNAPPY", gzip: "GZIP", zstd: "ZSTD" } as const

const compressors = {
  GZIP: (bytes: Uint8Array) => zlib.gzipSync(bytes),
  ZSTD: (bytes: Uint8Array) => zlib.zstdCompressSync(bytes)
}

/** Gives the bytes of a file, those of a row group at a time: memory holds one of them. */
export async function* encodeParquet(text: AsyncIterable<Buffer>, form: Form): AsyncGenerator<Buffer> {
  const columns = parquetColumns(form)
  const bytes = new ByteWriter()
  const writer = new ParquetWriter({
    writer: bytes,
    schema: parquetSchema(columns),
    codec: codecs[form.compress],
    compressors,
    createdBy: `hb-sessions-export version ${manifest.version}`
  })
  const written = (): Buffer => {
    const part = Buffer.from(bytes.getBytes())
    bytes.index = 0
    return part
  }

  let group = new RowGroup(columns)
  const endGroup = () => {
    writer.write({ columnData: group.columns, rowGroupSize: group.rows })
    group = new RowGroup(columns)
    return written()
  }
  const split = splitLines()
  for await (const chunk of text) {
    for (const line of split(chunk)) {
      group.add(line)
      if (group.rows >= GROUP_ROWS || group.bytes >= GROUP_BYTES) yield endGroup()
    }
  }
  if (group.rows > 0) yield endGroup()
  writer.finish()
  const end = written()
  if (writer.num_rows === 0n) typeNoGroups(end)
  yield end
}

/** No rows, and a list of no row groups, whose elements have no type. */
const NO_GROUPS = Buffer.from([0x16, 0, 0x19, 0])

/** Gives an empty list of row groups the type of its elements, which the library leaves out and strict readers demand. */
const typeNoGroups = (end: Buffer): void => {
  const at = end.lastIndexOf(NO_GROUPS)
  if (at >= 0) end[at + NO_GROUPS.length - 1] = 0x0c
}

/** The rows of a row group, by column. */
class RowGroup {
  rows = 0
  bytes = 0
  readonly columns: Array<{ readonly name: string; readonly data: Array<string | number | bigint | boolean | null> }>
  readonly #isTime: ReadonlyArray<boolean>

  constructor(columns: ReadonlyArray<string>) {
    this.columns = columns.map((name) => ({ name, data: [] }))
    this.#isTime = columns.map((name) => columnType(name) === "time")
  }

  add(line: Buffer): void {
    const cells = fromLine(line.toString())
    for (const [at, { data }] of this.columns.entries()) {
      const cell = cells[at] ?? null
      data.push(this.#isTime[at] === true && typeof cell === "number" ? BigInt(cell) * 1000n : cell)
    }
    this.rows++
    this.bytes += line.length
  }
}
