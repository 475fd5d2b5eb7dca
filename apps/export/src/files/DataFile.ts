/**
 * The last step of a data file: compresses the text of a run. And the way back, from a data file to that text.
 */
import { AppError } from "@hb-sessions/app-kit/AppError"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { createHash } from "node:crypto"
import { createReadStream, createWriteStream } from "node:fs"
import { PassThrough, Transform } from "node:stream"
import { pipeline } from "node:stream/promises"
import zlib from "node:zlib"
import type { PartState } from "../resume/Checkpoint.ts"
import { isNotFound } from "../publish/Directory.ts"
import { exitCodes } from "../exitCodes.ts"
import type { Selection } from "../settings/Selection.ts"

/** How the rows of a file are written. */
export type Form = Pick<Selection, "columns" | "compress" | "format">

/** How the rows of a growing file are written. */
export const growing = ({ columns, format }: Form): Form => ({ columns, format, compress: "none" })

/** The form of files with their own keys, such as tombstones. */
export const plain: Form = { columns: [], format: "ndjson", compress: "none" }

/** File name extensions. */
const extensions = { none: "", gzip: ".gz", zstd: ".zst" } as const

/** The name of the file of a partition; empty if the data is not partitioned. */
export const nameOf = (selection: Selection, partition: string): string =>
  `sessions${partition === "" ? "" : `-${partition}`}.${selection.format}${extensions[selection.compress]}`

/**
 * Turns a flushed text file into a data file, and returns its size and digest.
 *
 * The file is one gzip member or zstd frame, since many readers stop after the first. So the text is complete before it
 * is compressed, and checkpoints are independent of compression.
 */
export const finish = Effect.fn("DataFile.finish")(function* (
  from: string,
  to: string,
  state: PartState,
  { compress }: Form
) {
  const fs = yield* FileSystem.FileSystem
  if (compress === "none") {
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
  yield* Effect.tryPromise({
    try: (signal) =>
      pipeline(
        createReadStream(from, { highWaterMark: 256 * 1024 }),
        compress === "gzip"
          ? zlib.createGzip()
          : zlib.createZstdCompress({ params: { [zlib.constants.ZSTD_c_checksumFlag]: 1 } }),
        measure,
        createWriteStream(to, { flags: "wx", flush: true }),
        { signal }
      ),
    catch: (error) =>
      new AppError({
        message: `disk error: ${error instanceof Error ? error.message : String(error)}`,
        exitCode: exitCodes.disk
      })
  })
  return { bytes, sha256: hash.digest("hex") }
})

const decompressors = { none: () => new PassThrough(), gzip: zlib.createGunzip, zstd: zlib.createZstdDecompress }

/** The stream that decompresses the bytes of a data file. */
export const decompressor = ({ compress }: Form): NodeJS.ReadWriteStream => decompressors[compress]()

/** The streams with which a pipeline begins that reads the text of a data file. */
export const readText = (file: string, form: Form): ReadonlyArray<NodeJS.ReadableStream | NodeJS.ReadWriteStream> => [
  createReadStream(file),
  decompressor(form)
]
