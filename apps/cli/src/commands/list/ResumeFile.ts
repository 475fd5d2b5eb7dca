/**
 * The file of `--resume-file`: what a list has read so far, so that the same command resumes after an interruption.
 *
 * ```text
 * one line of JSON   whose list it is
 * bytes              what the scan has learned, appended after the rows that it was learned with were written
 * ```
 */
import { ApiKey } from "@hb-sessions/app-kit/ApiKey"
import { AppError, exitCodes } from "@hb-sessions/app-kit/AppError"
import * as FileTarget from "@hb-sessions/app-kit/FileTarget"
import { fromPlatformError } from "@hb-sessions/app-kit/SystemError"
import * as SessionsConfig from "@hb-sessions/core/SessionsConfig"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { hash, randomBytes } from "node:crypto"

/** Longest first line; what is longer was not written here. */
const MAX_HEAD = 64 * 1024
const LINE_END = 10

/** Schema for the first line. */
const Head = Schema.fromJsonString(
  Schema.Struct({
    program: Schema.Literal("hb-sessions list"),
    version: Schema.Literal(1),
    server: Schema.String,
    /** By which the API key can be recognised but not found out. */
    salt: Schema.String,
    key: Schema.String,
    /** The flags that decide what is written, as they were given. */
    flags: Schema.Record(Schema.String, Schema.String),
    /** Epoch milliseconds: what relative times meant when the list was begun. */
    since: Schema.optionalKey(Schema.Int),
    until: Schema.optionalKey(Schema.Int)
  })
)
type Head = typeof Head.Type

/** What a list is asked for. */
export interface Wanted {
  readonly flags: Readonly<Record<string, string>>
  readonly since: number | undefined
  readonly until: number | undefined
}

/** An open file. */
export interface ResumeFile {
  readonly name: string
  /** Whether rows were written before. */
  readonly isContinued: boolean
  /** The times of the list that is resumed. */
  readonly since: number | undefined
  readonly until: number | undefined
  readonly state: Stream.Stream<Uint8Array, AppError>
  /** Cuts off what follows so many bytes of the state. */
  readonly restored: (bytes: number) => Effect.Effect<void, AppError>
  readonly append: (state: Uint8Array) => Effect.Effect<void, AppError>
  /** Removes it: the list is read. */
  readonly remove: Effect.Effect<void, AppError>
  /** Removes it if there is nothing to resume; succeeds with whether there is. */
  readonly keep: Effect.Effect<boolean, AppError>
}

/** Opens or makes the file; rejects one of another list, and what is no such file. The end of the scope closes it. */
export const open = Effect.fn("ResumeFile.open")(function* (name: string, wanted: Wanted) {
  const fs = yield* FileSystem.FileSystem
  const failed = (error: PlatformError) =>
    new AppError({ message: `${name} cannot be written: ${error.message}`, exitCode: exitCodes.unexpected })

  const target = yield* FileTarget.find(name)
  if (target._tag !== "Regular") {
    return yield* FileTarget.unwritable(name, "it is no regular file, and --resume-file needs one")
  }
  const { path, previous } = target
  const handle = yield* fs
    .open(path, previous === undefined ? { flag: "wx+", mode: 0o600 } : { flag: "r+" })
    .pipe(Effect.mapError((error) => FileTarget.unwritable(name, fromPlatformError(error).message)))

  const isNew = previous === undefined || previous.size === 0
  const begun = isNew ? yield* newHead(wanted) : yield* readHead(name, handle)
  if (!isNew) yield* checkHead(name, begun.head, wanted)
  // It names sessions; one that existed before may be readable by all.
  yield* Effect.mapError(fs.chmod(path, 0o600), failed)
  let end = begun.bytes
  if (isNew) {
    yield* Effect.mapError(handle.writeAll(begun.line), failed)
  } else {
    end = Number((yield* Effect.mapError(handle.stat, failed)).size)
  }
  const remove = Effect.mapError(fs.remove(path, { force: true }), failed)

  const file: ResumeFile = {
    name,
    isContinued: end > begun.bytes,
    since: begun.head.since,
    until: begun.head.until,
    state:
      end > begun.bytes
        ? Stream.mapError(fs.stream(path, { offset: begun.bytes, bytesToRead: end - begun.bytes }), failed)
        : Stream.empty,
    restored: (bytes) =>
      Effect.gen(function* () {
        end = begun.bytes + bytes
        yield* handle.truncate(end)
        yield* handle.seek(BigInt(end), "start")
      }).pipe(Effect.mapError(failed)),
    append: (state) =>
      Effect.gen(function* () {
        const { size } = yield* Effect.mapError(handle.stat, failed)
        if (Number(size) !== end) {
          return yield* new AppError({
            message: `${name} was changed by another program; two runs cannot share a resume file, so give each its own`,
            exitCode: exitCodes.unexpected
          })
        }
        yield* Effect.mapError(handle.writeAll(state), failed)
        end += state.length
      }).pipe(Effect.uninterruptible),
    remove,
    keep: Effect.suspend(() => (end > begun.bytes ? Effect.succeed(true) : Effect.as(remove, false)))
  }
  return file
})

const keyed = (salt: string, key: Redacted.Redacted) =>
  hash("sha256", `${salt}:${Redacted.value(key)}`, "hex").slice(0, 16)

/** The server without what gives access to it. */
const serverOf = ({ host, pathname, protocol }: URL) => `${protocol}//${host}${pathname}`

const newHead = Effect.fnUntraced(function* ({ flags, since, until }: Wanted) {
  const salt = randomBytes(16).toString("hex")
  const head: Head = {
    program: "hb-sessions list",
    version: 1,
    server: serverOf(yield* SessionsConfig.baseUrl),
    salt,
    key: keyed(salt, yield* (yield* ApiKey).held),
    flags,
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until })
  }
  const line = new TextEncoder().encode(`${yield* Effect.orDie(Schema.encodeEffect(Head)(head))}\n`)
  return { head, line, bytes: line.length }
})

const readHead = Effect.fnUntraced(function* (name: string, handle: FileSystem.File) {
  const buffer = new Uint8Array(MAX_HEAD)
  const read = yield* Effect.mapError(handle.read(buffer), (error) => FileTarget.unwritable(name, error.message))
  const bytes = buffer.subarray(0, read).indexOf(LINE_END) + 1
  const line = buffer.subarray(0, bytes)
  const head = yield* Schema.decodeEffect(Head)(new TextDecoder().decode(line)).pipe(
    Effect.mapError(() =>
      FileTarget.unwritable(name, "it is no resume file of this version, and was not changed; name another file")
    )
  )
  return { head, line, bytes }
})

/** Rejects the file of another list: rows of two would be mixed. */
const checkHead = Effect.fnUntraced(function* (name: string, head: Head, { flags }: Wanted) {
  const server = serverOf(yield* SessionsConfig.baseUrl)
  const key = keyed(head.salt, yield* (yield* ApiKey).held)
  const other = Object.keys({ ...head.flags, ...flags }).find((flag) => head.flags[flag] !== flags[flag])
  const before = other === undefined ? undefined : head.flags[other]
  const why =
    server !== head.server
      ? `it is of a list of ${head.server}, not of ${server}`
      : key !== head.key
        ? "it is of a list that was read with another API key"
        : other === undefined
          ? undefined
          : before === undefined
            ? `it is of a list without ${other}`
            : `it is of a list with ${other} ${before}`
  if (why === undefined) return
  return yield* new AppError({
    message: `${name} does not fit: ${why}; use the same flags, or another file to start again`,
    exitCode: exitCodes.usage
  })
})
