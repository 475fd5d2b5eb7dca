/**
 * The actual size, digest and row count of a file.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { createHash } from "node:crypto"
import { createReadStream } from "node:fs"
import { PassThrough, Writable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { decompressor, readText } from "./DataFile.ts"
import { type Form, plain } from "./Form.ts"

/** The measures of a file. */
interface Measured {
  readonly bytes: number
  readonly sha256: string
  /** Undefined unless requested. */
  readonly rows: number | undefined
}

/** Measures a file, and counts its rows if given its format; a problem as text if it cannot be read. */
export const measure = Effect.fn("Measure.measure")(function* (file: string, form?: Form) {
  const fs = yield* FileSystem.FileSystem
  const type = yield* fs.stat(file).pipe(
    Effect.map((info) => info.type),
    Effect.orElseSucceed(() => "missing")
  )
  // Reading a FIFO would block for ever.
  if (type !== "File") return type === "missing" ? "is missing" : "is not a file"
  const hash = createHash("sha256")
  const count = counter(form?.format ?? "ndjson")
  let bytes = 0
  const raw = new PassThrough()
  raw.on("data", (chunk: Buffer) => {
    bytes += chunk.length
    hash.update(chunk)
  })
  const isParquet = form?.format === "parquet"
  const rows = sink(count.add)
  const whole = [createReadStream(file), raw, decompressor(form ?? plain), isParquet ? sink(() => {}) : rows]
  const problem =
    (yield* pipelineOf(whole)) ??
    // The end of a Parquet file says where its rows are, so it is read once more.
    (isParquet
      ? yield* pipelineOf([...(yield* readText(file, { ...form, only: form.columns.slice(0, 1) })), rows])
      : undefined)
  if (problem !== undefined) return problem
  const measured: Measured = {
    bytes,
    sha256: hash.digest("hex"),
    rows: form === undefined ? undefined : count.rows()
  }
  return measured
})

const sink = (visit: (chunk: Buffer) => void) =>
  new Writable({
    write: (chunk: Buffer, _, done) => {
      visit(chunk)
      done()
    }
  })

/** Runs a pipeline; succeeds with the message of a failure, if any. */
const pipelineOf = (
  streams: ReadonlyArray<NodeJS.ReadableStream | NodeJS.WritableStream | NodeJS.ReadWriteStream>
): Effect.Effect<string | undefined> =>
  Effect.tryPromise({
    try: (signal) => pipeline(streams, { signal }),
    catch: (error) => (error instanceof Error ? error.message : String(error))
  }).pipe(
    Effect.as(undefined),
    Effect.catch((message) => Effect.succeed(message))
  )

const QUOTE = 34
const LINE_FEED = 10

/** Counts records by their bytes, whatever the cells hold. */
const counter = (format: Form["format"]) => {
  let lines = 0
  let isQuoted = false
  return {
    add: (chunk: Uint8Array) => {
      for (const byte of chunk) {
        if (byte === QUOTE) isQuoted = !isQuoted
        else if (byte === LINE_FEED && (format !== "csv" || !isQuoted)) lines++
      }
    },
    rows: () => (format === "csv" ? lines - 1 : lines)
  }
}
