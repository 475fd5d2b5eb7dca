/**
 * The last step of a data file: makes it of the text of a run. And the way back, from a data file to that text.
 *
 * The text of CSV and NDJSON is that of the file, which may be compressed; that of Parquet is `cells`, lines that
 * `parquetSchema` describes.
 */
import { AppError } from "@hb-sessions/app-kit/AppError"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { createHash } from "node:crypto"
import { createReadStream, createWriteStream } from "node:fs"
import { type Duplex, PassThrough, Readable, Transform } from "node:stream"
import { pipeline } from "node:stream/promises"
import zlib from "node:zlib"
import type { PartState } from "../resume/Checkpoint.ts"
import { isNotFound } from "../publish/Directory.ts"
import { exitCodes } from "../exitCodes.ts"
import type { Form } from "./Form.ts"

/** The compression of a whole file; Parquet is compressed inside. */
const ofWhole = ({ compress, format }: Form): keyof typeof extensions =>
  format === "parquet" || compress === "snappy" ? "none" : compress

const extensions = { none: "", gzip: ".gz", zstd: ".zst" } as const

/** The name of the file of a partition; empty if the data is not partitioned. */
export const nameOf = (form: Form, partition: string): string =>
  `sessions${partition === "" ? "" : `-${partition}`}.${form.format}${extensions[ofWhole(form)]}`

/**
 * Turns a flushed text file into a data file, and returns its size and digest.
 *
 * The file is one gzip member or zstd frame, since many readers stop after the first. So the text is complete before it
 * is compressed, and checkpoints are independent of compression and of Parquet, whose files cannot grow.
 */
export const finish = Effect.fn("DataFile.finish")(function* (from: string, to: string, state: PartState, form: Form) {
  const fs = yield* FileSystem.FileSystem
  if (form.format !== "parquet" && form.compress === "none") {
    // It keeps its first name too, so that the checkpoint stays valid until the commit.
    yield* fs.link(from, to).pipe(
      Effect.catchIf(
        (error) => !isNotFound(error),
        () => fs.rename(from, to)
      )
    )
    return { bytes: state.bytes, sha256: state.sha256 }
  }
  const hash = createHash("sha256")
  let bytes = 0
  const measure = new Transform({
    transform: (chunk: Buffer, _, done) => {
      hash.update(chunk)
      bytes += chunk.length
      done(null, chunk)
    }
  })
  const encoded = yield* encode(from, form)
  yield* Effect.tryPromise({
    try: (signal) => pipeline([...encoded, measure, createWriteStream(to, { flags: "wx", flush: true })], { signal }),
    catch: (error) =>
      new AppError({
        message: `disk error: ${error instanceof Error ? error.message : String(error)}`,
        exitCode: exitCodes.disk
      })
  })
  return { bytes, sha256: hash.digest("hex") }
})

/** The streams with which a pipeline begins that makes a data file. */
const encode = (from: string, form: Form): Effect.Effect<ReadonlyArray<Readable | Duplex>> => {
  const text = () => createReadStream(from, { highWaterMark: 256 * 1024 })
  if (form.format !== "parquet") return Effect.sync(() => [text(), compressors[ofWhole(form)]()])
  // Loaded only where it is needed.
  return Effect.map(
    Effect.promise(() => import("./encodeParquet.ts")),
    // A part is as large as a row group: none is made before it is wanted.
    ({ encodeParquet }) => [Readable.from(encodeParquet(text(), form), { objectMode: false, highWaterMark: 1 })]
  )
}

const compressors = {
  none: () => new PassThrough(),
  gzip: () => zlib.createGzip(),
  zstd: () => zlib.createZstdCompress({ params: { [zlib.constants.ZSTD_c_checksumFlag]: 1 } })
}

const decompressors = {
  none: () => new PassThrough(),
  gzip: () => zlib.createGunzip(),
  zstd: () => zlib.createZstdDecompress()
}

/** The stream that decompresses the bytes of a data file as a whole. */
export const decompressor = (form: Form): Duplex => decompressors[ofWhole(form)]()

/** The streams with which a pipeline begins that reads the text of a data file. */
export const readText = (file: string, form: Form): Effect.Effect<ReadonlyArray<Readable | Duplex>> => {
  if (form.format !== "parquet") return Effect.sync(() => [createReadStream(file), decompressor(form)])
  return Effect.map(
    Effect.promise(() => import("./decodeParquet.ts")),
    ({ decodeParquet }) => [Readable.from(decodeParquet(file, form), { objectMode: false })]
  )
}
