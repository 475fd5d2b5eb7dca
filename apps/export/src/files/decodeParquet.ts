/**
 * Reads a Parquet file back as the lines from which it was made.
 */
import type { Cell } from "@hb-sessions/core/SessionsCells"
import { type Compressors, parquetScan } from "hyparquet"
import { open } from "node:fs/promises"
import zlib from "node:zlib"
import type { Form } from "./Form.ts"
import { parquetColumns, toLine } from "./parquetSchema.ts"

/** Characters of lines that are given at a time, about. */
const PIECE = 64 * 1024

const compressors: Compressors = {
  GZIP: (bytes) => zlib.gunzipSync(bytes),
  ZSTD: (bytes) => zlib.zstdDecompressSync(bytes)
}

// The default decoder takes a byte order mark at the beginning of a text away.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

const parsers = {
  stringFromBytes: (bytes: Uint8Array | undefined) => bytes && decoder.decode(bytes),
  timestampFromMicroseconds: (micros: bigint) => Number(micros / 1000n)
}

/** Gives the text of a file in pieces; memory holds one row group. */
export async function* decodeParquet(path: string, form: Form): AsyncGenerator<Buffer> {
  const file = await open(path)
  try {
    const { size } = await file.stat()
    const slice = async (start: number, end = size) => {
      const bytes = new Uint8Array(end - start)
      const { bytesRead } = await file.read(bytes, 0, bytes.length, start)
      if (bytesRead < bytes.length) throw new Error("it is cut off")
      return bytes.buffer
    }
    const columns = parquetColumns(form)
    const wanted = [...(form.only ?? columns)]
    const scan = await parquetScan({ file: { byteLength: size, slice }, columns: wanted, compressors, parsers })
    for (const range of scan.ranges) {
      // oxlint-disable-next-line no-await-in-loop -- memory holds one row group
      const data = await Promise.all(wanted.map((column) => scan.readColumn({ ...range, column })))
      const read = new Map(wanted.map((column, at) => [column, data[at]]))
      const places = columns.map((column) => read.get(column))
      let text = ""
      for (let row = 0; row < range.rowEnd - range.rowStart; row++) {
        text += `${toLine(places.map((values): Cell => values?.[row] ?? null))}\n`
        if (text.length < PIECE) continue
        yield Buffer.from(text)
        text = ""
      }
      yield Buffer.from(text)
    }
  } finally {
    await file.close()
  }
}
