/**
 * Whether what is published is what was published.
 */
import { AppError } from "@hb-sessions/app-kit/AppError"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import { createHash } from "node:crypto"
import { createReadStream } from "node:fs"
import { PassThrough, Writable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { createGunzip, createZstdDecompress } from "node:zlib"
import { generations, manifestCopy, names, published, readManifest } from "./Directory.ts"
import { exitCodes } from "./exitCodes.ts"
import type { Manifest } from "./Manifest.ts"

/** What was found. */
export interface Verified {
  readonly manifest: Manifest
  /** Generations looked at. */
  readonly generations: number
  /** Files looked at. */
  readonly files: number
  /** One line for each thing that is wrong. */
  readonly problems: ReadonlyArray<string>
}

/**
 * Recomputes the size, the digest and the number of rows of every file of every generation that is kept.
 *
 * A publication meanwhile can remove an old generation; then everything is looked at once more.
 */
export const verify = (directory: string): Effect.Effect<Verified, VerifyError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const found = yield* once(directory)
    const now = yield* published(directory)
    if (Option.isSome(now) && now.value.generation !== found.manifest.generation) return yield* verify(directory)
    return found
  })

type VerifyError = Effect.Error<ReturnType<typeof once>>

const once = Effect.fn("Verify.once")(function* (directory: string) {
  const path = yield* Path.Path
  const manifest = yield* published(directory)
  if (Option.isNone(manifest)) {
    return yield* new AppError({
      message: `nothing is published in ${directory}; give the directory of an export`,
      exitCode: exitCodes.usage
    })
  }
  const problems: Array<string> = []
  const checked = new Set<string>()
  const kept = yield* generations(directory)
  const copies = yield* Effect.forEach(kept, (generation) =>
    Effect.flatMap(manifestCopy(directory, generation), readManifest)
  )
  for (const found of [manifest.value, ...copies.flatMap(Option.toArray)]) {
    for (const file of found.files) {
      // Old manifests of an incremental export name files that newer ones name too.
      if (checked.has(file.path)) continue
      checked.add(file.path)
      const actual = yield* measure(path.join(directory, file.path), found)
      const problem =
        typeof actual === "string"
          ? actual
          : differences([
              ["bytes", file.bytes, actual.bytes],
              ["sha256", file.sha256, actual.sha256],
              ["rows", file.rows, actual.rows]
            ])
      if (problem !== "") problems.push(`${file.path}: ${problem}`)
    }
  }
  const { index } = manifest.value.bookmark
  if (index !== undefined) {
    const sha256 = yield* digest(path.join(directory, index.path))
    if (sha256 !== index.sha256) problems.push(`${index.path}: is not what was published`)
  }
  const newest = manifest.value.files.findLast((file) => file.generation === manifest.value.generation)
  if (manifest.value.latest !== undefined && newest !== undefined) {
    const sha256 = yield* digest(path.join(directory, manifest.value.latest))
    if (sha256 !== newest.sha256)
      problems.push(`${manifest.value.latest}: is not the newest file; the next run repairs it`)
  }
  if (!kept.includes(manifest.value.generation)) problems.push(`${names.generations}: the newest one is missing`)
  const verified: Verified = { manifest: manifest.value, generations: kept.length, files: checked.size, problems }
  return verified
})

const differences = (pairs: ReadonlyArray<readonly [string, string | number, string | number]>): string =>
  pairs
    .filter(([, was, actual]) => was !== actual)
    .map(([name, was, actual]) => `${name} ${actual} instead of ${was}`)
    .join(", ")

const digest = Effect.fnUntraced(function* (file: string) {
  const hash = createHash("sha256")
  const read = pipelineOf([createReadStream(file), sink((chunk) => void hash.update(chunk))])
  return (yield* read) ?? hash.digest("hex")
})

/** The size, digest and rows of a file, or what is wrong with it. */
const measure = Effect.fnUntraced(function* (file: string, { selection: { compress, format } }: Manifest) {
  const hash = createHash("sha256")
  const count = counter(format)
  let bytes = 0
  const raw = new PassThrough()
  raw.on("data", (chunk: Buffer) => {
    bytes += chunk.length
    hash.update(chunk)
  })
  const plain = { none: () => new PassThrough(), gzip: createGunzip, zstd: createZstdDecompress }[compress]()
  const problem = yield* pipelineOf([createReadStream(file), raw, plain, sink(count.add)])
  return problem ?? { bytes, sha256: hash.digest("hex"), rows: count.rows() }
})

const sink = (visit: (chunk: Buffer) => void) =>
  new Writable({
    write: (chunk: Buffer, _, done) => {
      visit(chunk)
      done()
    }
  })

/** Runs streams to their end; succeeds with what went wrong, if something did. */
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

/** Counts records as they are in the bytes, whatever is in the cells. */
const counter = (format: "csv" | "ndjson") => {
  let lines = 0
  let isQuoted = false
  return {
    add: (chunk: Uint8Array) => {
      for (const byte of chunk) {
        if (byte === QUOTE) isQuoted = !isQuoted
        else if (byte === LINE_FEED && (format === "ndjson" || !isQuoted)) lines++
      }
    },
    rows: () => (format === "csv" ? lines - 1 : lines)
  }
}
