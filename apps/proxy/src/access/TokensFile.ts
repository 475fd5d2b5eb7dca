/**
 * The file that holds what is kept of the tokens: private, replaced atomically, changed by one process at a time.
 */
import * as AppError from "@hb-sessions/app-kit/AppError"
import * as AtomicFile from "@hb-sessions/app-kit/AtomicFile"
import * as FileState from "@hb-sessions/app-kit/FileState"
import * as FileTarget from "@hb-sessions/app-kit/FileTarget"
import * as RegularFile from "@hb-sessions/app-kit/RegularFile"
import { shownPath } from "@hb-sessions/app-kit/SystemError"
import { firstProblem } from "@hb-sessions/core/firstProblem"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as SchemaIssue from "effect/SchemaIssue"
import * as Stream from "effect/Stream"
import type { Stats } from "node:fs"
import * as FileLock from "./FileLock.ts"
import * as ReadingDoubts from "./ReadingDoubts.ts"
import { TokenList } from "./Token.ts"

const decode = Schema.decodeEffect(Schema.fromJsonString(TokenList))

const NOT_A_FILE = "it is not a file"
const NOT_TOKENS = "it is not a list of tokens; restore it"

/** Most bytes: those of some 40,000 tokens. */
const MAX_BYTES = 16 * 1024 * 1024
const LIMIT = "larger than 16 MiB"

/** Read or write for others, or write for the group: a group may read, as Kubernetes mounts secrets. */
const TOO_OPEN = 0o026

const unusable = (file: string, problem: string) =>
  new AppError.AppError({ message: `tokens file ${file}: ${problem}`, exitCode: AppError.exitCodes.auth })

/** Reads the file; fails with what to do when it is missing, readable by others, too large or damaged. */
export const read = Effect.fn("TokensFile.read")(function* (file: string) {
  const text = yield* Effect.mapError(
    RegularFile.readText(file, { maxBytes: MAX_BYTES, reject: tooOpen(file) }),
    ({ kind, problem }) =>
      unusable(
        file,
        kind === "missing"
          ? `it does not exist; create a token first: hb-sessions-proxy token create --name my-team --tokens-file ${file}`
          : kind === "not text"
            ? NOT_TOKENS
            : problem
      )
  )
  return yield* Effect.mapError(decode(text), () => unusable(file, NOT_TOKENS))
})

const tooOpen = (file: string) => (stats: Stats) =>
  (stats.mode & TOO_OPEN) === 0 ? undefined : `others can read or write it; run: chmod 600 ${file}`

/** The failure to read a file that has no name any more. */
export const replaced = (file: string): AppError.AppError => unusable(file, FileState.REPLACED)

/**
 * Changes the file, or makes it.
 *
 * **Details**
 *
 * A lock beside the file keeps two commands from undoing each other's changes; it is waited for up to 5 seconds. Symbolic
 * links are followed, so that the lock and the change are those of the one file behind them. What is written has been
 * read back before: what does not fit the schema is not published. A new file has mode 0600, one that exists keeps its
 * owner, its group and its mode. What may keep a server from reading the result is warned of on stderr.
 */
export const update = <A, E>(
  file: string,
  change: (list: TokenList) => Effect.Effect<readonly [result: A, list: TokenList], E>
): Effect.Effect<A, E | AppError.AppError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const found = yield* resolve(file)
      const name = `${found.path}.lock`
      const lock = yield* Effect.mapError(FileLock.acquire(name), ({ problem }) => unusable(name, problem))
      // What was there before the lock was had may have been replaced.
      const { path, previous } = yield* resolve(file)
      if (path !== found.path) return yield* unusable(file, MOVED)
      const list: TokenList = previous === undefined ? { version: 1, tokens: [] } : yield* read(path)
      const [result, changed] = yield* change(list)
      const text = `${JSON.stringify(changed, undefined, 2)}\n`
      if (Buffer.byteLength(text) > MAX_BYTES) {
        return yield* unusable(
          file,
          `nothing was written, as it would be ${LIMIT}; remove tokens that have ended from it`
        )
      }
      yield* Effect.mapError(decode(text), ({ issue }) => unwritten(file, issue))
      const confirm = Effect.flatMap(lock.isHeld, (held) =>
        held
          ? Effect.void
          : Effect.fail(unusable(name, "another process removed it, so nothing was written; run the command again"))
      )
      yield* AtomicFile.writeText(path, Stream.make(text), { mode: 0o600, confirm })
      if ((yield* resolve(file)).path !== path) return yield* unusable(file, MOVED)
      const names = previous?.nlink ?? 1
      const doubts = yield* ReadingDoubts.find(path)
      const all =
        names > 1 ? [`${shownPath(path)} had ${names} hard links; the others still hold the previous tokens`] : []
      yield* Effect.forEach([...all, ...doubts], (doubt) => Console.error(`warning: ${doubt}`))
      return result
    })
  )

const MOVED = "its symbolic links were changed meanwhile; run the command again"

const resolve = Effect.fnUntraced(function* (file: string) {
  const target = yield* FileTarget.find(file)
  return target._tag === "Regular" ? target : yield* unusable(file, NOT_A_FILE)
})

const unwritten = (file: string, issue: SchemaIssue.Issue) => {
  const { detail, path } = firstProblem(issue)
  const message = `tokens file ${file}: nothing was written, as it could not be read again: ${path}: ${detail}`
  return new AppError.AppError({ message, exitCode: AppError.exitCodes.usage })
}
