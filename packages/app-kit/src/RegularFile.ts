/**
 * Reads files that people name: regular ones, up to a size, and never a FIFO, which would be waited for.
 */
import * as Effect from "effect/Effect"
import { constants, type Stats } from "node:fs"
import { open, stat } from "node:fs/promises"
import { attempt, type SystemError } from "./SystemError.ts"

/** Why a file was not read. */
export interface FileProblem {
  readonly kind: "missing" | "bad path" | "unreadable" | "not a file" | "too large" | "not text" | "rejected"
  /** What is wrong, such as `it is a directory, not a file`. */
  readonly problem: string
}

/** How much is read of which files. */
export interface ReadOptions {
  /** Most bytes; a longer file is not read. */
  readonly maxBytes: number
  /** What is wrong with a file by its owner or mode, looked at before it is read; undefined for nothing. */
  readonly reject?: (stats: Stats) => string | undefined
}

/**
 * Reads a file whole.
 *
 * **Details**
 *
 * Symbolic links are followed. What is no regular file is not even opened, since opening can be an act by itself of a
 * device; and what has come into its place since then is not waited for. The size is that of what is read, as files of
 * `/proc` tell none.
 */
export const read = Effect.fn("RegularFile.read")(function* (
  file: string,
  options: ReadOptions
): Effect.fn.Return<Buffer, FileProblem> {
  if (file === "") return yield* Effect.fail<FileProblem>({ kind: "bad path", problem: "its name is empty" })
  if (file.includes("\0")) {
    return yield* Effect.fail<FileProblem>({ kind: "bad path", problem: "its name holds a NUL character" })
  }
  const system = <A>(call: () => Promise<A>) => Effect.mapError(attempt(call), toProblem)
  yield* check(yield* system(() => stat(file)), options)
  return yield* Effect.acquireUseRelease(
    system(() => open(file, constants.O_RDONLY | constants.O_NONBLOCK)),
    Effect.fnUntraced(function* (handle) {
      yield* check(yield* system(() => handle.stat()), options)
      const parts = yield* system<Array<Buffer>>(() =>
        handle.createReadStream({ end: options.maxBytes, autoClose: false }).toArray()
      )
      const bytes = Buffer.concat(parts)
      return bytes.length > options.maxBytes ? yield* Effect.fail(tooLarge(options)) : bytes
    }),
    (handle) => Effect.ignore(attempt(() => handle.close()))
  )
})

/** As `read`, for text in UTF-8; a byte order mark is left out. */
export const readText = (file: string, options: ReadOptions): Effect.Effect<string, FileProblem> =>
  Effect.flatMap(read(file, options), (bytes) =>
    Effect.try({
      try: () => new TextDecoder("utf-8", { fatal: true }).decode(bytes),
      catch: (): FileProblem => ({ kind: "not text", problem: encodingProblem(bytes) })
    })
  )

const check = (stats: Stats, options: ReadOptions): Effect.Effect<void, FileProblem> => {
  if (!stats.isFile()) return Effect.fail({ kind: "not a file", problem: `it is ${kindOf(stats)}, not a file` })
  const problem = options.reject?.(stats)
  if (problem !== undefined) return Effect.fail({ kind: "rejected", problem })
  return stats.size > options.maxBytes ? Effect.fail(tooLarge(options)) : Effect.void
}

const kindOf = (stats: Stats): string => {
  if (stats.isDirectory()) return "a directory"
  if (stats.isFIFO()) return "a FIFO"
  return stats.isSocket() ? "a socket" : "a device"
}

const KIB = 1024

const tooLarge = ({ maxBytes }: ReadOptions): FileProblem => {
  const size = maxBytes >= KIB * KIB ? `${maxBytes / KIB / KIB} MiB` : `${maxBytes / KIB} KiB`
  return { kind: "too large", problem: `it is larger than ${size}` }
}

/** Windows writes UTF-16 where it is not told otherwise. */
const encodingProblem = (bytes: Buffer): string =>
  ["fffe", "feff"].includes(bytes.toString("hex", 0, 2))
    ? "it is text in UTF-16; write it in UTF-8"
    : "it is not text in UTF-8"

const toProblem = ({ code, message }: SystemError): FileProblem => {
  switch (code) {
    case "ENOENT":
      return { kind: "missing", problem: "it does not exist" }
    case "EACCES":
    case "EPERM":
      return { kind: "unreadable", problem: "this user may not read it" }
    case "ENOTDIR":
      return { kind: "bad path", problem: "a part of its path is not a directory" }
    case "ELOOP":
      return { kind: "bad path", problem: "its symbolic links lead in a circle" }
    case "ENAMETOOLONG":
      return { kind: "bad path", problem: "its name is longer than the file system allows" }
    default:
      return { kind: "unreadable", problem: message }
  }
}
