/**
 * The last step of a file: from the text of a run to what is published.
 */
import { AppError } from "@hb-sessions/app-kit/AppError"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { createHash } from "node:crypto"
import { createReadStream, createWriteStream } from "node:fs"
import { Transform } from "node:stream"
import { pipeline } from "node:stream/promises"
import zlib from "node:zlib"
import type { PartState } from "../resume/Checkpoint.ts"
import { isNotFound } from "../publish/Directory.ts"
import { exitCodes } from "../exitCodes.ts"
import type { Selection } from "../settings/Selection.ts"

/** The ends of the files' names. */
const extensions = { none: "", gzip: ".gz", zstd: ".zst" } as const

/** The name of the file of a partition; the partition is empty when the data is not divided. */
export const nameOf = (selection: Selection, partition: string): string =>
  `sessions${partition === "" ? "" : `-${partition}`}.${selection.format}${extensions[selection.compress]}`

/**
 * Turns a flushed file of text into one of data, and tells its size and digest.
 *
 * One gzip member or zstd frame holds everything: many readers stop after the first one. For this the text is complete
 * before it is compressed, and a checkpoint need not know of compression.
 */
export const finish = Effect.fn("DataFile.finish")(function* (
  from: string,
  to: string,
  state: PartState,
  compress: Selection["compress"]
) {
  const fs = yield* FileSystem.FileSystem
  if (compress === "none") {
    // Under its first name too, so that the checkpoint is good until the commit.
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
        message: `the disk failed: ${error instanceof Error ? error.message : String(error)}`,
        exitCode: exitCodes.disk
      })
  })
  return { bytes, sha256: hash.digest("hex") }
})
