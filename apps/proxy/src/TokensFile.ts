/**
 * The file that holds what is kept of the tokens: private, replaced atomically, changed by one process at a time.
 */
import * as AppError from "@hb-sessions/app-kit/AppError"
import * as AtomicFile from "@hb-sessions/app-kit/AtomicFile"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { TokenList } from "./Token.ts"

const decode = Schema.decodeEffect(Schema.fromJsonString(TokenList))

/** Read or write for others, or write for the group: a group may read, as Kubernetes mounts secrets. */
const TOO_OPEN = 0o026

const unusable = (file: string, problem: string) =>
  new AppError.AppError({ message: `tokens file ${file}: ${problem}`, exitCode: AppError.exitCodes.auth })

/** Reads the file; fails with what to do when it is missing, readable by others or damaged. */
export const read = Effect.fn("TokensFile.read")(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const { mode, type } = yield* fs
    .stat(file)
    .pipe(
      Effect.mapError((error) =>
        error.reason._tag === "NotFound"
          ? unusable(
              file,
              `it does not exist; create a token first: hb-sessions-proxy token create --name my-team --tokens-file ${file}`
            )
          : unusable(file, error.message)
      )
    )
  if (type !== "File") return yield* unusable(file, "it is not a file")
  if ((mode & TOO_OPEN) !== 0) {
    return yield* unusable(file, `others can read or write it; run: chmod 600 ${file}`)
  }
  const text = yield* Effect.mapError(fs.readFileString(file), (error) => unusable(file, error.message))
  return yield* Effect.mapError(decode(text), () => unusable(file, "it is not a list of tokens; restore it"))
})

/** What tells one state of the file from another without reading it. */
export const fingerprint = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const { ino, mode, mtime, size } = yield* fs.stat(file)
  const modified = Option.match(mtime, { onNone: () => 0, onSome: (date) => date.getTime() })
  return [Option.getOrElse(ino, () => 0), mode, size, modified].join()
})

/**
 * Changes the file, or makes it.
 *
 * **Details**
 *
 * A lock beside the file keeps two commands from undoing each other's changes; it is waited for up to 5 seconds. The
 * new file is written with mode 0600 and renamed over the old one.
 */
export const update = <A, E>(
  file: string,
  change: (list: TokenList) => Effect.Effect<readonly [result: A, list: TokenList], E>
): Effect.Effect<A, E | AppError.AppError, FileSystem.FileSystem | Path.Path> =>
  Effect.scoped(
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      yield* locked(`${file}.lock`)
      const exists = yield* Effect.orElseSucceed(fs.exists(file), () => false)
      const list: TokenList = exists ? yield* read(file) : { version: 1, tokens: [] }
      const [result, changed] = yield* change(list)
      yield* AtomicFile.writeText(file, Stream.make(`${JSON.stringify(changed, undefined, 2)}\n`), { mode: 0o600 })
      return result
    })
  )

const locked = Effect.fnUntraced(function* (lock: string) {
  const fs = yield* FileSystem.FileSystem
  yield* Effect.acquireRelease(
    Effect.scoped(fs.open(lock, { flag: "wx" })).pipe(
      Effect.retry({
        schedule: Schedule.spaced("50 millis"),
        times: 100,
        while: (error) => error.reason._tag === "AlreadyExists"
      }),
      Effect.mapError((error) => unusable(lock, lockProblem(error)))
    ),
    () => Effect.ignore(fs.remove(lock, { force: true }))
  )
})

const lockProblem = ({ message, reason }: PlatformError): string => {
  switch (reason._tag) {
    case "AlreadyExists":
      return "another command holds this lock; remove it if none is running"
    case "NotFound":
      return "its directory does not exist; make it first"
    case "PermissionDenied":
      return "this user may not write in its directory"
    default:
      return message
  }
}
